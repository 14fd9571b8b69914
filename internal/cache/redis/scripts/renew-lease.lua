-- Deletes members whose lease has expired, and renews the lease of one member, by the clock of this server.
-- KEYS: 1 members (a sorted set by expiry in ms), 2 leases (unused here)
-- ARGV: 1 member, 2 lease in ms

-- A lease that ends later than this, and later than two leases from now, was given before the clock was set back.
local LONGEST_LEASE_MS = 600000
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, lease = ARGV[1], tonumber(ARGV[2])
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now)
local latest = now + math.max(2 * lease, LONGEST_LEASE_MS)
for _, member in ipairs(redis.call("ZRANGEBYSCORE", KEYS[1], latest, "+inf")) do
  redis.call("ZADD", KEYS[1], now + lease, member)
end
redis.call("ZADD", KEYS[1], now + lease, me)
