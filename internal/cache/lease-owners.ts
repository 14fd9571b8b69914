import { NO_GUARD } from "../resilience/guard.ts";
import { LEASES_KEY, MEMBERS_KEY } from "./leases.ts";
import { connectRedis } from "./redis-connection.ts";

/** Who shares keys at the moment, see {@link Leases}. */
export interface LeaseOwners {
  /** Members whose lease is not over, by Redis' clock; sorted. */
  readonly members: readonly string[];
  /** The member that each key belongs to; what belongs to none that lives is not in it. */
  readonly owners: ReadonlyMap<string, string>;
}

/**
 * Reads who owns what, and changes nothing.
 * @throws Error where Redis does not answer within seconds
 */
export async function readLeaseOwners(url: string, keyPrefix: string): Promise<LeaseOwners> {
  const connection = connectRedis(url, NO_GUARD);
  try {
    const [[seconds, micros], leases] = await connection.run((client) =>
      Promise.all([client.time(), client.hgetall(keyPrefix + LEASES_KEY)]),
    );
    const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    const members = await connection.run((client) => client.zrangebyscore(keyPrefix + MEMBERS_KEY, `(${now}`, "+inf"));
    const live = new Set(members);
    const all = Object.entries(leases).map(([key, text]): [string, string] => [key, text.split(" ", 1)[0] ?? ""]);
    return { members: [...members].sort(), owners: new Map(all.filter(([, owner]) => live.has(owner))) };
  } finally {
    await connection.close();
  }
}
