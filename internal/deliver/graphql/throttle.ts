import { JsonNumber, member } from "../../lib/exact-json.ts";

/** Codes of errors that ask for a slower pace, without underscores: servers write RATE_LIMITED, RATELIMITED, THROTTLED, … */
const THROTTLE_CODES = new Set(["THROTTLED", "RATELIMITED", "RATELIMITEXCEEDED", "TOOMANYREQUESTS"]);

/** Returns whether an error says that there were too many requests: by `extensions.code`, or by `type` as some servers do. */
export function isThrottle(error: unknown): boolean {
  return [member(member(error, "extensions"), "code"), member(error, "type")].some(
    (code) => typeof code === "string" && THROTTLE_CODES.has(code.toUpperCase().replaceAll(/[_-]/g, "")),
  );
}

/**
 * Returns the seconds until a bucket of query costs has refilled far enough for the same request, from
 * `extensions.cost` of an answer (Shopify's: requestedQueryCost, throttleStatus); null where it does not say.
 */
export function secondsToRefill(answer: unknown): number | null {
  const cost = member(member(answer, "extensions"), "cost");
  const status = member(cost, "throttleStatus");
  const [requested, available, rate] = [
    numberOf(member(cost, "requestedQueryCost")),
    numberOf(member(status, "currentlyAvailable")),
    numberOf(member(status, "restoreRate")),
  ];
  if (requested === null || available === null || rate === null || rate <= 0) return null;
  return Math.max(0, (requested - available) / rate);
}

function numberOf(value: unknown): number | null {
  const number = value instanceof JsonNumber ? Number(value.text) : Number.NaN;
  return Number.isFinite(number) ? number : null;
}
