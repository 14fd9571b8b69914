import type postgres from "postgres";
import { type Channel, makeChannel } from "./channel.ts";
import { makeStreamReader } from "./reader.ts";

/** The most readers of a process, and of one tenant: the others keep the rest. */
const MAX_READERS: ReaderLimits = { all: 2_000, perTenant: 1_000 };

export interface ReaderLimits {
  readonly all: number;
  readonly perTenant: number;
}

/** Streams of events: transitions of jobs, incidents, throttles. */
export interface EventHub {
  /**
   * Returns a tenant's events from now on, or from a position that an earlier stream gave; null where there are too many
   * readers, of the tenant or of all.
   */
  readonly join: (tenant: string, after: bigint | null) => ReadableStream<Uint8Array> | null;
  readonly readers: () => number;
  /** Ends all streams. */
  readonly close: () => void;
}

/** Makes streams of events that share one poller for each tenant, which runs while somebody reads. */
export function makeEventHub(sql: postgres.Sql, limits: ReaderLimits = MAX_READERS): EventHub {
  const channels = new Map<string, Channel>();
  let readers = 0;
  const readersOf = new Map<string, number>();
  let isClosed = false;

  function count(tenant: string, by: number): void {
    readers += by;
    const left = (readersOf.get(tenant) ?? 0) + by;
    if (left === 0) readersOf.delete(tenant);
    else readersOf.set(tenant, left);
  }

  function channelOf(tenant: string): Channel {
    const existing = channels.get(tenant);
    if (existing !== undefined) return existing;
    const made = makeChannel(sql, tenant, () => channels.delete(tenant));
    channels.set(tenant, made);
    return made;
  }

  return {
    join: (tenant, after) => {
      const own = readersOf.get(tenant) ?? 0;
      if (isClosed || readers >= limits.all || own >= limits.perTenant) return null;
      count(tenant, +1);
      const reader = makeStreamReader(() => {
        count(tenant, -1);
        channels.get(tenant)?.leave(reader);
      });
      channelOf(tenant).join(reader, after);
      return reader.stream;
    },
    readers: () => readers,
    close: () => {
      isClosed = true;
      for (const channel of channels.values()) channel.close();
    },
  };
}
