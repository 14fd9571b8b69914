/**
 * Returns a Retry-After header, seconds or an HTTP date (RFC 9110, 10.2.3), as milliseconds from `now`, which is one
 * since 1970; 0 without a header, for a past date, and where it is neither.
 */
export function readRetryAfter(text: string | null, now: number): number {
  if (text === null) return 0;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
