import type { Result } from "ioredis";
import type { CircuitBreaker } from "../../lib/circuit-breaker.ts";
import { connectRedis } from "./connection.ts";
import { CLAIM_LUA, RENEW_LUA } from "./scripts.ts";

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

/** The sorted set of members, scored by the expiry of their lease in milliseconds of Redis' clock. */
export const MEMBERS_KEY = "replicas:members";
/** The hash from key to `<owner> <boundary> <worker>`: its owner, and which member took which boundary last. */
export const LEASES_KEY = "replicas:leases";

/** The result of a claim. */
export interface Claim {
  /** The number of live members, this one included. */
  readonly members: number;
  /** The keys that this member owns now. */
  readonly held: readonly string[];
  /** Those of them whose boundary, or a later one, no member has taken yet. */
  readonly work: readonly string[];
}

/** Leases of keys: each key is owned by one member at a time. */
export interface Leases {
  /**
   * Renews this member's lease, then claims unowned keys, keys of expired members, and enough keys of larger members
   * that none holds two more than this one. Takes the boundary (Unix seconds) of its keys where no member has.
   * @throws Error where Redis is unavailable, see `RedisConnection.run`
   */
  claim(keys: readonly string[], boundary: number, leaseMs: number): Promise<Claim>;
  /**
   * Returns those keys whose last taken boundary is this one, and was taken by this member.
   * @throws Error where Redis is unavailable, see `RedisConnection.run`
   */
  confirm(keys: readonly string[], boundary: number): Promise<readonly string[]>;
  /**
   * Renews this member's lease, which expires `leaseMs` milliseconds after the last call of this or `claim`.
   * @throws Error where Redis is unavailable, see `RedisConnection.run`
   */
  renew(leaseMs: number): Promise<void>;
  /**
   * Releases all keys, so that others need not wait for the lease to expire, until the next `claim` or `renew`.
   * @throws Error where Redis is unavailable, see `RedisConnection.run`
   */
  leave(): Promise<void>;
  /** Releases all keys and closes the connection. */
  close(): Promise<void>;
}

export interface LeaseOptions {
  readonly url: string;
  /** The store's circuit breaker, see `PriceStore.breaker`. */
  readonly breaker: CircuitBreaker;
  /** The prefix of both keys in Redis. */
  readonly keyPrefix: string;
  /** A unique name without whitespace. */
  readonly member: string;
}

/**
 * Opens leases in Redis, on a connection of their own.
 * @throws InputError where the URL is no Redis URL
 */
export function openLeases({ url, breaker, keyPrefix, member }: LeaseOptions): Leases {
  const connection = connectRedis(url, breaker, {
    scripts: {
      renewLease: { lua: RENEW_LUA, numberOfKeys: 2 },
      claimLeases: { lua: CLAIM_LUA, numberOfKeys: 2 },
    },
  });
  const members = keyPrefix + MEMBERS_KEY;
  const leases = keyPrefix + LEASES_KEY;

  async function leave(): Promise<void> {
    await connection.run((client) => client.zrem(members, member));
  }

  return {
    async claim(keys, boundary, leaseMs) {
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
    async renew(leaseMs) {
      await connection.run((client) => client.renewLease(members, leases, member, leaseMs));
    },
    leave,
    async close() {
      await leave().catch(() => {});
      await connection.close();
    },
  };
}
