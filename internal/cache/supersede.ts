import { formatTime, type Micros, seconds } from "../canonical/time.ts";
import type { PriceWrite } from "./store.ts";

const WHOLE_SECOND = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const HELD_TO = /"to":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"/;

/** Why a write cannot be ordered or expire, as an Error; null where it can. */
export function refuseWrite({ key, to, ttlSeconds }: PriceWrite): Error | null {
  if (!WHOLE_SECOND.test(to)) return new Error(`${key}: to ${JSON.stringify(to)} is not a time of whole seconds`);
  return refuseTtl(key, ttlSeconds);
}

/** Why what is kept under the key cannot expire, as an Error; null where it can. */
export function refuseTtl(key: string, ttlSeconds: number): Error | null {
  if (Number.isSafeInteger(ttlSeconds) && ttlSeconds > 0) return null;
  return new Error(`${key}: a time to live of ${ttlSeconds} is not a positive number of whole seconds`);
}

/** How far the store's clock may be behind that of an aggregator. */
const SKEW_SECONDS = 60;

/**
 * Whether a held value is of a later bucket than `to`, and so must stay. Times of one format are in order where their
 * texts are. A held value without such a time is not one of ours and stops nobody, nor does one of a bucket that has not
 * ended by the store's clock: it was made under a clock that is wrong, or by hand.
 */
export function supersedes(held: string, to: string, now: Micros): boolean {
  const heldTo = HELD_TO.exec(held)?.[1];
  if (heldTo === undefined || heldTo <= to) return false;
  return heldTo <= formatTime(now + seconds(SKEW_SECONDS));
}

/** Keeps a text and announces that, as one step. */
export const PUT_LUA = `
redis.call("SET", KEYS[1], ARGV[1], "EX", ARGV[2])
redis.call("PUBLISH", ARGV[3], ARGV[4])
`;

/** The same rule, write, marker and announcement included, as one atomic step inside Redis: 1 written, 0 superseded. */
export const PUBLISH_LUA = `
local function secondsOf(text)
  local y, m, d, h, min, s = string.match(text, "^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)Z$")
  -- Days from the epoch: Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
  y, m = tonumber(y), tonumber(m)
  if m <= 2 then y = y - 1 end
  local era = math.floor(y / 400)
  local yearOfEra = y - era * 400
  local dayOfYear = math.floor((153 * (m > 2 and m - 3 or m + 9) + 2) / 5) + d - 1
  local days = era * 146097 + yearOfEra * 365 + math.floor(yearOfEra / 4) - math.floor(yearOfEra / 100) + dayOfYear - 719468
  return days * 86400 + h * 3600 + min * 60 + s
end
local held = redis.pcall("GET", KEYS[1])
if type(held) == "string" then
  local heldTo = string.match(held, '"to":"(%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ)"')
  if heldTo and heldTo > ARGV[2] and secondsOf(heldTo) <= redis.call("TIME")[1] + ${SKEW_SECONDS} then return 0 end
end
redis.call("SET", KEYS[1], ARGV[1], "EX", ARGV[3])
if ARGV[6] == "" then redis.call("DEL", KEYS[2]) else redis.call("SET", KEYS[2], ARGV[6], "EX", ARGV[3]) end
redis.call("PUBLISH", ARGV[4], ARGV[5])
return 1
`;
