const FIRST_SECONDS = 1;
const MOST_SECONDS = 60;
/** A connection that has lasted so long was a good one. */
const HEALTHY_SECONDS = 30;

/** How often connecting has failed in a row; a connection that did not last counts as a failure. */
export function failuresAfter(failures: number, livedSeconds: number): number {
  return livedSeconds >= HEALTHY_SECONDS ? 1 : failures + 1;
}

/**
 * Returns the seconds to wait before connecting again: exponential backoff with full jitter, a random part of
 * min(60, 2^(failures-1)), and never less than the venue asked for. Without jitter, all that were cut together would come back
 * together.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 * @param random a number in [0, 1)
 * @param askedSeconds what the venue asked for; 0 for nothing
 */
export function reconnectSeconds(failures: number, random: number, askedSeconds: number): number {
  const longest = Math.min(MOST_SECONDS, FIRST_SECONDS * 2 ** Math.min(failures - 1, 10));
  return Math.max(askedSeconds, longest * random);
}
