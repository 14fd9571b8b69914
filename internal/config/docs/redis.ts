import type { Docs } from "./docs.ts";

/** The prose of `[redis]`. */
export const redisDocs: Docs = {
  "redis.url": `
    Where the published prices live. "memory:" keeps them within the process, which is enough for \`stellarindex start\`;
    separate daemons need redis://user:password@host:6379/0, or rediss:// for TLS.
  `,

  "redis.key_prefix": "Text put before every key and channel, so that several installations can share one Redis.",
};
