-- Stores a text with a time to live and announces it, in one step.
-- KEYS: 1 key
-- ARGV: 1 text, 2 time to live in seconds, 3 channel, 4 announcement
redis.call("SET", KEYS[1], ARGV[1], "EX", ARGV[2])
redis.call("PUBLISH", ARGV[3], ARGV[4])
