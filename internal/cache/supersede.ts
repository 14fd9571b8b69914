import { formatTime, type Micros, seconds } from "../canonical/time.ts";
import type { PriceWrite } from "./store.ts";

const WHOLE_SECOND = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const HELD_TO = /"to":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"/;

/** Returns an Error where a write has no valid `to` or TTL; null where it is valid. */
export function refuseWrite({ key, to, ttlSeconds }: PriceWrite): Error | null {
  if (!WHOLE_SECOND.test(to)) return new Error(`${key}: to ${JSON.stringify(to)} is not a time of whole seconds`);
  return refuseTtl(key, ttlSeconds);
}

/** Returns an Error where the TTL is invalid; null where it is valid. */
export function refuseTtl(key: string, ttlSeconds: number): Error | null {
  if (Number.isSafeInteger(ttlSeconds) && ttlSeconds > 0) return null;
  return new Error(`${key}: the TTL ${ttlSeconds} is not a positive number of whole seconds`);
}

/** The clock skew that is tolerated between the store and an aggregator, in seconds. */
export const SKEW_SECONDS = 60;

/**
 * Whether a stored value covers a later bucket than `to`, and must not be replaced. Times of this format sort as text.
 * A stored value without a valid `to`, or with one in the future by the store's clock, is replaced: it was written
 * under a wrong clock, or by hand.
 */
export function supersedes(held: string, to: string, now: Micros): boolean {
  const heldTo = HELD_TO.exec(held)?.[1];
  if (heldTo === undefined || heldTo <= to) return false;
  return heldTo <= formatTime(now + seconds(SKEW_SECONDS));
}
