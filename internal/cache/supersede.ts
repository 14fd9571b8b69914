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

/**
 * Whether a held value is of a later bucket than `to`, and so must stay. Times of one format are in order where their
 * texts are. A held value without such a time is not one of ours and stops nobody.
 */
export function supersedes(held: string, to: string): boolean {
  const heldTo = HELD_TO.exec(held)?.[1];
  return heldTo !== undefined && heldTo > to;
}

/** Keeps a text and announces that, as one step. */
export const PUT_LUA = `
redis.call("SET", KEYS[1], ARGV[1], "EX", ARGV[2])
redis.call("PUBLISH", ARGV[3], ARGV[4])
`;

/** The same rule, write, marker and announcement included, as one atomic step inside Redis: 1 written, 0 superseded. */
export const PUBLISH_LUA = `
local held = redis.pcall("GET", KEYS[1])
if type(held) == "string" then
  local heldTo = string.match(held, '"to":"(%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ)"')
  if heldTo and heldTo > ARGV[2] then return 0 end
end
redis.call("SET", KEYS[1], ARGV[1], "EX", ARGV[3])
if ARGV[6] == "" then redis.call("DEL", KEYS[2]) else redis.call("SET", KEYS[2], ARGV[6], "EX", ARGV[3]) end
redis.call("PUBLISH", ARGV[4], ARGV[5])
return 1
`;
