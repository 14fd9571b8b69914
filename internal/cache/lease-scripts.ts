// Both keys are read and written in one step of Redis, by its clock: those of the members do not matter.

/**
 * Drops members whose lease is over, and renews that of one. A lease that ends later than a whole one from now was given
 * by a clock that has been set back since. KEYS: members, leases. ARGV: member, lease in ms.
 */
export const RENEW_LUA = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, lease = ARGV[1], tonumber(ARGV[2])
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now)
for _, member in ipairs(redis.call("ZRANGEBYSCORE", KEYS[1], now + 2 * lease, "+inf")) do
  redis.call("ZADD", KEYS[1], now + lease, member)
end
redis.call("ZADD", KEYS[1], now + lease, me)
`;

/**
 * KEYS: members, leases. ARGV: member, lease in ms, boundary, keys.
 * Gives the number of members, then the indices (from 0) of the keys that the member owns, then -1, then those of the keys
 * that it is to work on.
 */
export const CLAIM_LUA = `${RENEW_LUA}
local boundary = tonumber(ARGV[3])
local members = redis.call("ZRANGE", KEYS[1], 0, -1)
local live = {}
for _, member in ipairs(members) do live[member] = true end

local owners, bounds, workers, known = {}, {}, {}, {}
local all = redis.call("HGETALL", KEYS[2])
for i = 1, #all, 2 do
  local owner, bound, worker = string.match(all[i + 1], "^(%S+) (%d+) (%S+)$")
  if owner then owners[all[i]], bounds[all[i]], workers[all[i]] = owner, tonumber(bound), worker end
end

local wanted, changed, counts = {}, {}, { [me] = 0 }
for i = 4, #ARGV do
  local key = ARGV[i]
  wanted[key] = true
  if not live[owners[key]] then
    owners[key] = me
    changed[key] = true
  end
  counts[owners[key]] = (counts[owners[key]] or 0) + 1
end

while true do
  local richest = me
  for _, member in ipairs(members) do
    if (counts[member] or 0) > counts[richest] then richest = member end
  end
  if counts[richest] - counts[me] < 2 then break end
  for i = #ARGV, 4, -1 do
    local key = ARGV[i]
    if owners[key] == richest and counts[richest] - counts[me] >= 2 then
      owners[key] = me
      changed[key] = true
      counts[richest] = counts[richest] - 1
      counts[me] = counts[me] + 1
    end
  end
end

local held, work = {}, {}
for i = 4, #ARGV do
  local key = ARGV[i]
  if owners[key] == me then
    held[#held + 1] = i - 4
    if (bounds[key] or 0) < boundary then
      work[#work + 1] = i - 4
      bounds[key], workers[key] = boundary, me
      changed[key] = true
    end
  end
  if changed[key] then
    redis.call("HSET", KEYS[2], key, owners[key] .. " " .. bounds[key] .. " " .. workers[key])
  end
end
for i = 1, #all, 2 do
  local key = all[i]
  if not wanted[key] and not (live[owners[key]] and owners[key] ~= me) then redis.call("HDEL", KEYS[2], key) end
end

local reply = { #members }
for _, index in ipairs(held) do reply[#reply + 1] = index end
reply[#reply + 1] = -1
for _, index in ipairs(work) do reply[#reply + 1] = index end
return reply
`;
