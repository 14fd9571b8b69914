import { onTestFinished, vi } from "vitest";
import { openStore } from "../../cache/open-store.ts";
import { deleteTestKeys, testKeyPrefix, testRedisUrl } from "../../cache/redis/store.testing.ts";
import type { PriceStore } from "../../cache/store.ts";
import type { Micros } from "../../canonical/time.ts";
import type { DeliveryFilter } from "../../lib/delivery-filter.ts";
import { retryConflicts } from "../../storage/connection/conflicts.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import { declare, newDestination, record } from "../../storage/events/events.testing.ts";
import type { WatcherParts } from "./watcher.ts";

/** An event on record, as tests compare it. */
export interface EventOnRecord {
  readonly type: string;
  readonly id: string;
  readonly pair: string | null;
  readonly body: string;
}

/** The stores of values that watchers run on: in memory, and in Redis if one answers. */
export async function testStores(): Promise<readonly { readonly name: string; readonly open: () => PriceStore }[]> {
  const url = await testRedisUrl();
  const memory = { name: "memory", open: () => openStore({ url: "memory:", key_prefix: "" }) };
  if (url === null) return [memory];
  const open = (): PriceStore => {
    const prefix = testKeyPrefix();
    onTestFinished(() => deleteTestKeys(url, prefix));
    return openStore({ url, key_prefix: prefix });
  };
  return [memory, { name: "redis", open }];
}

/** Watchers of a test, and what they have recorded. */
export interface TestWatch {
  readonly parts: WatcherParts;
  /** Makes one destination that is told of these events. */
  readonly want: (filter?: Partial<DeliveryFilter>) => Promise<void>;
  /** Starts a watcher; the returned function stops it and waits until it has ended. */
  readonly start: (watch: (parts: WatcherParts, signal: AbortSignal) => Promise<void>) => () => Promise<void>;
  /** Starts a watcher, and stops it after its first pass. */
  readonly once: (watch: (parts: WatcherParts, signal: AbortSignal) => Promise<void>) => Promise<void>;
  readonly recorded: () => Promise<EventOnRecord[]>;
  /** Waits for so many events, and returns them. */
  readonly waitFor: (count: number) => Promise<EventOnRecord[]>;
  /** Counts events that came again with other data. */
  readonly conflicts: () => Promise<number>;
}

/** Returns what the tests of a watcher need, of one tenant; watchers that still run at the end of the test are stopped. */
export function testWatch(database: TestDatabase, tenant: string, now: () => Micros): TestWatch {
  const recorded = (): Promise<EventOnRecord[]> => database.sql<EventOnRecord[]>`
    SELECT type, id, pair, body FROM events.events WHERE tenant = ${tenant} ORDER BY sequence`;
  const parts: WatcherParts = {
    database,
    tenant,
    now,
    record: async (events) => {
      await retryConflicts(() => record(database, tenant, events));
    },
  };
  const start: TestWatch["start"] = (watch) => {
    const stop = new AbortController();
    const running = watch(parts, stop.signal);
    const end = async (): Promise<void> => {
      stop.abort();
      await running;
    };
    onTestFinished(end);
    return end;
  };
  return {
    parts,
    start,
    once: (watch) => start(watch)(),
    want: (filter = {}) =>
      declare(database, tenant, [newDestination({ filter: { events: [], pairs: [], where: [], ...filter } })]),
    recorded,
    waitFor: async (count) => {
      await vi.waitUntil(async () => (await recorded()).length >= count, { timeout: 30_000, interval: 20 });
      return recorded();
    },
    conflicts: async () => {
      const rows = await database.sql`SELECT FROM events.conflicts WHERE tenant = ${tenant}`;
      return rows.length;
    },
  };
}
