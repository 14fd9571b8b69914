-- Stores a value, unless the value that is held covers a later bucket; sets or deletes the marker beside it, and announces it.
-- A held value without a readable "to", or with one that lies in the future of this server's clock, does not count.
-- KEYS: 1 value, 2 marker
-- ARGV: 1 value, 2 its "to", 3 time to live in seconds, 4 channel, 5 announcement, 6 marker ("" for none),
--       7 seconds by which this server's clock may be behind
-- Returns 1 where it was written, 0 where a later value is held.
local function unixSeconds(text)
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
  if heldTo and heldTo > ARGV[2] and unixSeconds(heldTo) <= redis.call("TIME")[1] + tonumber(ARGV[7]) then return 0 end
end
redis.call("SET", KEYS[1], ARGV[1], "EX", ARGV[3])
if ARGV[6] == "" then redis.call("DEL", KEYS[2]) else redis.call("SET", KEYS[2], ARGV[6], "EX", ARGV[3]) end
redis.call("PUBLISH", ARGV[4], ARGV[5])
return 1
