import { afterEach } from "vitest";
import { ALL_TARGETS } from "../../aggregator/assignment.ts";
import { NO_REPLAY_WAIT } from "../../aggregator/replay-wait.testing.ts";
import { runTick } from "../../aggregator/tick.ts";
import type { PriceStore } from "../../cache/store.ts";
import { bucketEndingAt } from "../../canonical/bucket.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { serializePublished } from "../../canonical/published.ts";
import { type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { serializeWithheld } from "../../canonical/withheld.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../../policy/policy.ts";
import { computePublished } from "../../policy/published-value.ts";
import { withheldValue } from "../../policy/withheld-value.ts";
import type { testLedger } from "../../storage/control/jobs.testing.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { withSnapshot } from "../../storage/windows/snapshot.ts";
import { eventOf, type Outcome, type Target, type Told } from "./outcomes.ts";
import { watchPrices } from "./prices.ts";
import { type EventOnRecord, testWatch } from "./watch.testing.ts";
import type { WatcherParts } from "./watcher.ts";

export const START = parseTime("2026-05-01T12:00:00Z");
export const INTERVAL = 30;
export const WINDOW = 60;
const policy = makePolicy(DEFAULT_POLICY_SETTINGS);

/** What is traded within one interval. The guard withholds a jump, and the floor what is small. */
export const SLOTS = {
  nothing: [],
  small: [{ base: "1000", quote: "500" }],
  usual: [{ base: "40000", quote: "20000" }],
  jump: [{ base: "4000", quote: "20000" }],
} as const;
export type Slot = keyof typeof SLOTS;

/** The end of a slot. */
export const boundary = (index: number): Micros => START + seconds(INTERVAL * (index + 1));

/** Returns the first whole numbers. */
export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Returns what the tests of watched prices need, on the ledger of a suite. */
export function testPrices(ledger: ReturnType<typeof testLedger>) {
  let clock = START;
  const opened: PriceStore[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  /** Writes trades of slots from START on, and of hours before, by which the guard knows the usual price. */
  async function writeSlots(pair: Pair, slots: readonly Slot[]): Promise<void> {
    const before = Array.from({ length: 5 }, (_, hour) =>
      trade(pair, START - seconds(3600 * (hour + 1)), { tradeId: `h${hour}`, ...SLOTS.usual[0] }),
    );
    const given = slots.flatMap((slot, index) =>
      SLOTS[slot].map((amounts) =>
        trade(pair, boundary(index) - seconds(10), { tradeId: String(index), source: "kraken", ...amounts }),
      ),
    );
    await writeTrades(ledger.database, [...before, ...given]);
  }

  /** Returns a watcher and the aggregator of pairs on a store, which is closed at the end of the test. */
  function setUp(store: PriceStore, pairs: readonly Pair[]) {
    opened.push(store);
    const targets = pairs.map((pair): Target => ({ pair, windowSeconds: WINDOW }));
    const { database, tenant } = ledger;
    const watch = testWatch(database, tenant, () => clock);
    let isLossy = false;
    const lossy: Pick<PriceStore, "read" | "subscribe"> = {
      read: store.read,
      subscribe: (onWrite, others) =>
        store.subscribe(
          (announcement) => {
            if (!isLossy) onWrite(announcement);
          },
          { ...others, onPut: (key) => !isLossy && others?.onPut?.(key) },
        ),
    };
    return {
      store,
      ...watch,
      lose: (value: boolean) => {
        isLossy = value;
      },
      tick: async (index: number) => {
        clock = boundary(index) + seconds(6);
        const context = {
          ...{ database, store, policy, targets, concurrency: 2, maxTrades: 100, precomputeTwap: false },
          ...{ replayWait: NO_REPLAY_WAIT, assignment: ALL_TARGETS, namedSources: new Set<string>() },
          ...{ now: () => clock, stopwatch: () => 0 },
        };
        const { error } = await runTick(context, boundary(index), new AbortController().signal);
        if (error !== null) throw error;
      },
      watchPrices: (given: Partial<WatcherParts> = {}) =>
        watch.start((parts, signal) =>
          watchPrices(
            {
              ...{ ...parts, ...given, store: lossy, targets, policy, intervalSeconds: INTERVAL, settleSeconds: 5 },
              maxTrades: 100,
            },
            signal,
          ),
        ),
    };
  }

  /** Computes the events of all boundaries of a target as `stellarindex compute` would. */
  async function expected(pair: Pair, indexes: readonly number[]): Promise<EventOnRecord[]> {
    let before: Told = "unknown";
    const events: EventOnRecord[] = [];
    for (const index of indexes) {
      const bucket = bucketEndingAt(boundary(index), WINDOW);
      const found = await withSnapshot(ledger.database, (reader) =>
        computePublished(reader, policy, pair, bucket, { maxTrades: 100 }),
      );
      const withheld = withheldValue(found, policy, pair, bucket);
      const outcome: Outcome =
        found.value === null
          ? { to: bucket.to, reason: withheld.reason, text: serializeWithheld(withheld) }
          : { to: bucket.to, reason: null, text: serializePublished(found.value) };
      const event = eventOf({ pair, windowSeconds: WINDOW }, outcome, before);
      if (event !== null) {
        const { type, body, thing, at } = event;
        events.push({ type, id: `${thing}@${at}`, pair: formatPair(pair), body });
      }
      before = outcome.reason;
    }
    return events;
  }

  return { writeSlots, setUp, expected };
}
