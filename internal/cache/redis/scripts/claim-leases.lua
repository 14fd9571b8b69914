-- Renews the lease of a member, then claims unowned keys, keys of expired members, and enough keys of larger members that
-- none holds two more than this one. Runs behind renew-lease.lua, in the same script, which sets now and me.
-- KEYS: 1 members, 2 leases (a hash from key to "<owner> <boundary> <worker>")
-- ARGV: 1 member, 2 lease in ms, 3 boundary in Unix seconds, 4... keys
-- Returns the number of members; the indices (from 0) of the keys that the member owns; -1; the indices of the keys whose
-- boundary nobody has worked on.

-- A boundary further ahead of this server's clock than this was written under a wrong clock, and counts as none.
local SKEW_SECONDS = 60
local boundary = tonumber(ARGV[3])
local members = redis.call("ZRANGE", KEYS[1], 0, -1)
local live = {}
for _, member in ipairs(members) do live[member] = true end

local owners, bounds, workers, known = {}, {}, {}, {}
local all = redis.call("HGETALL", KEYS[2])
for i = 1, #all, 2 do
  local owner, bound, worker = string.match(all[i + 1], "^(%S+) (%d+) (%S+)$")
  bound = tonumber(bound)
  if bound and bound > now / 1000 + SKEW_SECONDS then bound = 0 end
  if owner then owners[all[i]], bounds[all[i]], workers[all[i]] = owner, bound, worker end
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
