import { CLAIM_LUA, RENEW_LUA } from "./lease-scripts.ts";
import { PUBLISH_LUA, PUT_LUA } from "./supersede.ts";

/** Of a script that is sent by its digest, and whole where Redis does not know it. */
const SCRIPTS = ["eval", "evalsha"];

/**
 * The commands that a user of Redis must be allowed, by what is done with them; those of our own scripts are read from the
 * scripts. Any connection needs those of `prices`.
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
  /** Limits of requests that API processes share: the script of rate-limiter-flexible. */
  limits: sorted(["expire", "incrby", "pttl", "set", ...SCRIPTS]),
  /** A database other than 0. */
  database: ["select"],
} as const;

/** What an ACL allows a user of ours: keys, channels and commands, in the words of ACL SETUSER. */
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
