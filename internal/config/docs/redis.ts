import type { Docs } from "./type.ts";

/** The prose of `[redis]`. */
export const redisDocs: Docs = {
  "redis.url": `
    The Redis server that holds the published values.

      memory:                                       in the process, enough for \`stellarindex start\`; one process only
      redis://user:password@host:6379/0             a Redis server; rediss:// for TLS
      redis+sentinel://user:password@host1:26379,host2:26379/name/0   the primary that these Sentinels know by this name
  `,

  "redis.key_prefix": "Prefix of every key and channel, so that several installations can share one Redis.",

  "redis.breaker_failures": `
    Consecutive failures to reach Redis after which the circuit opens: commands then fail at once instead of waiting.
  `,

  "redis.breaker_cooldown_seconds": `
    While the circuit is open, seconds between two attempts to reach Redis, with one command each.
  `,
};
