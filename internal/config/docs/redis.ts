import type { Docs } from "./docs.ts";

/** The prose of `[redis]`. */
export const redisDocs: Docs = {
  "redis.url": `
    Where the published prices live. "memory:" keeps them within the process, which is enough for \`stellarindex start\`;
    separate daemons need redis://user:password@host:6379/0, or rediss:// for TLS, or the sentinels that know the primary
    of a name: redis+sentinel://user:password@host1:26379,host2:26379/name/0.
  `,

  "redis.key_prefix": "Text put before every key and channel, so that several installations can share one Redis.",

  "redis.breaker_failures":
    "After so many failures in a row to reach Redis it is left alone, so that nobody waits for it.",

  "redis.breaker_cooldown_seconds": `
    While Redis is left alone, it is tried with one command each time so many seconds have passed.
  `,
};
