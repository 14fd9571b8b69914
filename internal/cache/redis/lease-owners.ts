import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import { connectRedis } from "./connection.ts";
import { LEASES_KEY, MEMBERS_KEY } from "./leases.ts";

/** The members and the owners of keys, see {@link Leases}. */
export interface LeaseOwners {
  /** Members whose lease has not expired by Redis' clock, sorted. */
  readonly members: readonly string[];
  /** The owner of each key; keys of expired members are absent. */
  readonly owners: ReadonlyMap<string, string>;
}

/**
 * Reads the owners of all keys.
 * @throws Error where Redis does not answer within seconds
 */
export async function readLeaseOwners(url: string, keyPrefix: string): Promise<LeaseOwners> {
  const connection = connectRedis(url, NO_CIRCUIT_BREAKER);
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
