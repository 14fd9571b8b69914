import type postgres from "postgres";
import { type Channel, makeChannel } from "./channel.ts";
import { makeStreamReader } from "./reader.ts";

/** The most readers of a process. */
const MAX_READERS = 2_000;

/** Streams of events: transitions of jobs, incidents, throttles. */
export interface EventHub {
  /**
   * Returns a tenant's events from now on, or from a position that an earlier stream gave; null where there are too many
   * readers.
   */
  readonly join: (tenant: string, after: bigint | null) => ReadableStream<Uint8Array> | null;
  readonly readers: () => number;
  /** Ends all streams. */
  readonly close: () => void;
}

/** Makes streams of events that share one poller for each tenant, which runs while somebody reads. */
export function makeEventHub(sql: postgres.Sql, maxReaders: number = MAX_READERS): EventHub {
  const channels = new Map<string, Channel>();
  let readers = 0;
  let isClosed = false;

  function channelOf(tenant: string): Channel {
    const existing = channels.get(tenant);
    if (existing !== undefined) return existing;
    const made = makeChannel(sql, tenant, () => channels.delete(tenant));
    channels.set(tenant, made);
    return made;
  }

  return {
    join: (tenant, after) => {
      if (isClosed || readers >= maxReaders) return null;
      readers++;
      const reader = makeStreamReader(() => {
        readers--;
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
