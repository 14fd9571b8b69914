import { CLAIM_LUA, PUBLISH_LUA, PUT_LUA, RENEW_LUA } from "./scripts.ts";

/** A script is sent by its digest, and in full where Redis does not have it. */
const SCRIPTS = ["eval", "evalsha"];

/**
 * The commands that a Redis user needs permission for, by purpose; those inside the project's scripts are read from the
 * scripts. Every connection needs those of `prices`.
 */
export const REDIS_RIGHTS = {
  prices: sorted([
    "client|setname",
    "info",
    "mget",
    "ping",
    "pttl",
    "subscribe",
    "time",
    "unsubscribe",
    ...SCRIPTS,
    ...commandsOf(PUBLISH_LUA),
    ...commandsOf(PUT_LUA),
  ]),
  /** `[aggregate] replicas = "shared"`, and `status` with it. */
  shared: sorted([
    "hgetall",
    "hmget",
    "time",
    "zrangebyscore",
    "zrem",
    ...SCRIPTS,
    ...commandsOf(RENEW_LUA),
    ...commandsOf(CLAIM_LUA),
  ]),
  /** Shared rate limits of API processes: the script of rate-limiter-flexible. */
  limits: sorted(["expire", "incrby", "pttl", "set", ...SCRIPTS]),
  /** A database other than 0. */
  database: ["select"],
} as const;

/** Returns the ACL rules of a Redis user, as arguments of ACL SETUSER: keys, channels and commands. */
export function aclRules(keyPrefix: string, parts: readonly (keyof typeof REDIS_RIGHTS)[]): string[] {
  const commands = sorted(parts.flatMap((part) => REDIS_RIGHTS[part]));
  return [
    "resetchannels",
    `~${keyPrefix}*`,
    `&${keyPrefix}stellarindex:*`,
    ...commands.map((command) => `+${command}`),
  ];
}

function commandsOf(script: string): string[] {
  return [...script.matchAll(/redis\.p?call\("(\w+)"/g)].map(([, command = ""]) => command.toLowerCase());
}

function sorted(commands: readonly string[]): readonly string[] {
  return [...new Set(commands)].sort();
}
