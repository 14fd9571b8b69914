import type { Result } from "ioredis";
import type { Guard } from "../resilience/guard.ts";
import { CLAIM_LUA, RENEW_LUA } from "./lease-scripts.ts";
import { connectRedis } from "./redis-connection.ts";

declare module "ioredis" {
  interface RedisCommander<Context> {
    renewLease(members: string, leases: string, member: string, leaseMs: number): Result<null, Context>;
    claimLeases(
      members: string,
      leases: string,
      member: string,
      leaseMs: number,
      boundary: number,
      ...keys: string[]
    ): Result<number[], Context>;
  }
}

/** The sorted set of members, by the end of their lease in milliseconds of Redis' clock. */
export const MEMBERS_KEY = "replicas:members";
/** The hash that says of each key `<owner> <boundary> <worker>`: whose it is, and who took which boundary last. */
export const LEASES_KEY = "replicas:leases";

export interface Claim {
  /** Live members, this one included. */
  readonly members: number;
  /** Keys that are this member's from now on. */
  readonly held: readonly string[];
  /** Those of them that nobody has taken this boundary or a later one of. */
  readonly work: readonly string[];
}

/** How members share keys, each key one member's at a time. */
export interface Leases {
  /**
   * Takes, for the boundary (Unix seconds): keys that are nobody's or a dead member's, and as many of others' that no
   * member has two more than this one.
   * @throws Error where Redis is away, see `RedisConnection.run`
   */
  claim(keys: readonly string[], boundary: number): Promise<Claim>;
  /**
   * Those of the keys that this member was the last to take, and for that boundary.
   * @throws Error where Redis is away, see `RedisConnection.run`
   */
  confirm(keys: readonly string[], boundary: number): Promise<readonly string[]>;
  /**
   * Renews the member's lease, which ends a while after the last call of this or `claim`.
   * @throws Error where Redis is away, see `RedisConnection.run`
   */
  renew(): Promise<void>;
  /** Gives all keys back, so that others need not wait for the lease to end, and ends the connection. */
  close(): Promise<void>;
}

export interface LeaseOptions {
  readonly url: string;
  /** That of the store, see `PriceStore.guard`. */
  readonly guard: Guard;
  /** Before both keys in Redis. */
  readonly keyPrefix: string;
  /** A name that nobody else has, without blanks. */
  readonly member: string;
  /** How long a member that says nothing keeps what it has. */
  readonly leaseMs: number;
}

/**
 * Shares keys through Redis, on a connection of its own.
 * @throws InputError where the URL is no Redis URL
 */
export function openLeases({ url, guard, keyPrefix, member, leaseMs }: LeaseOptions): Leases {
  const connection = connectRedis(url, guard, {
    scripts: {
      renewLease: { lua: RENEW_LUA, numberOfKeys: 2 },
      claimLeases: { lua: CLAIM_LUA, numberOfKeys: 2 },
    },
  });
  const members = keyPrefix + MEMBERS_KEY;
  const leases = keyPrefix + LEASES_KEY;

  return {
    async claim(keys, boundary) {
      const [count = 1, ...indices] = await connection.run((client) =>
        client.claimLeases(members, leases, member, leaseMs, boundary, ...keys),
      );
      const end = indices.indexOf(-1);
      const keysAt = (list: readonly number[]): string[] => list.flatMap((index) => keys[index] ?? []);
      return { members: count, held: keysAt(indices.slice(0, end)), work: keysAt(indices.slice(end + 1)) };
    },
    async confirm(keys, boundary) {
      if (keys.length === 0) return [];
      const texts = await connection.run((client) => client.hmget(leases, ...keys));
      const mine = ` ${boundary} ${member}`;
      return keys.filter((_, index) => texts[index]?.endsWith(mine));
    },
    async renew() {
      await connection.run((client) => client.renewLease(members, leases, member, leaseMs));
    },
    async close() {
      await connection.run((client) => client.zrem(members, member)).catch(() => {});
      await connection.close();
    },
  };
}
