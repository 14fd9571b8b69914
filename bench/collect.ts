import { setTimeout as sleep } from "node:timers/promises";
import { quantile } from "simple-statistics";
import { parsePair } from "../internal/canonical/pair.ts";
import { declareFeeds, feedOf, LIVE_KIND, submitLiveJobs } from "../internal/collect/declare.ts";
import { connected, disconnected, tradesStored } from "../internal/collect/events.ts";
import { collectLive } from "../internal/collect/live/collect-live.ts";
import { ledgerOf } from "../internal/control/ledger.ts";
import { stopwatch, systemClock } from "../internal/lib/clock.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import type { HeldLease } from "../internal/storage/control/report.ts";
import { startKraken } from "../test/venues/kraken.ts";
import type { StandIn } from "../test/venues/server.ts";
import type { Bench } from "./bench.ts";
import { withBenchDatabase } from "./database.ts";

const TICK_MS = 10;
const PER_SECOND = 2000;
const TENANT = "default";
/** What was sent is given up that is not stored so long after the last trade. */
const MOST_SECONDS = 60;
const LEASE_SECONDS = 600;

/** The stand-in of a venue sends trades; the collector stores them. All of it runs in this process, so that the figures are of the worse. */
export const collect: Bench = {
  summary: "time from a trade's arrival over WebSocket until it is stored, at 2000 trades a second",
  run: ({ server, short }) =>
    withBenchDatabase(server, async (database) => {
      const venue = await startKraken(["XLM/USD"]);
      try {
        await measure(database, venue, short ? 3 : 60);
      } finally {
        await venue.close();
      }
    }),
};

async function measure(database: Database, venue: StandIn, seconds: number): Promise<void> {
  const feed = feedOf({ source: "kraken", connector: "kraken", pair: parsePair("XLM/USD") });
  const lease = await leasedJob(database, feed, venue);
  const waits: number[] = [];
  let rows = 0;
  let isLive = false;
  let cut: string | null = null;
  const subscriptions = [
    tradesStored.subscribe(({ inserted, writeSeconds }) => {
      rows += inserted;
      waits.push(writeSeconds ?? 0);
    }),
    connected.subscribe(() => {
      isLive = true;
    }),
    disconnected.subscribe(({ reason }) => {
      cut = reason;
    }),
  ];
  const stop = new AbortController();
  const collecting = collectLive(
    {
      ...{ connector: feed.connector, endpoint: { live: venue.live, rest: venue.rest }, source: "kraken", database },
      ...{ tenant: TENANT, lease, now: systemClock.now, stopwatch, random: Math.random },
      get: () => Promise.reject(new Error("nothing is asked for")),
      ask: () => Promise.reject(new Error("nothing is asked for")),
      readFeeds: async () => [feed.collected],
      fillGaps: async () => {},
    },
    stop.signal,
  );
  const goOn = (): boolean => {
    if (cut === null) return true;
    throw new Error(`the connection was cut, so that not all trades came: ${cut}`);
  };
  let sent = 0;
  try {
    // What is sent before the subscription comes with its answer, but the newest 50 trades only.
    while (goOn() && !isLive) await sleep(TICK_MS);
    const startedAt = stopwatch();
    while (goOn() && stopwatch() - startedAt < seconds) {
      const due = Math.floor((stopwatch() - startedAt) * PER_SECOND);
      venue.trade("XLM/USD", due - sent);
      sent = due;
      await sleep(TICK_MS);
    }
    const sentAt = stopwatch();
    while (goOn() && rows < sent) {
      if (stopwatch() - sentAt > MOST_SECONDS) throw new Error(`${sent - rows} of ${sent} trades are not stored`);
      await sleep(TICK_MS);
    }
  } finally {
    stop.abort();
    await collecting;
    for (const unsubscribe of subscriptions) unsubscribe();
  }
  const ms = (share: number): string => (quantile(waits, share) * 1000).toFixed(0);
  console.log(`${sent} trades in ${seconds} s, in ${waits.length} batches`);
  console.log(
    `from the arrival of a batch's first trade until the commit: p50 ${ms(0.5)} ms, p99 ${ms(0.99)} ms, most ${ms(1)} ms`,
  );
}

async function leasedJob(database: Database, feed: ReturnType<typeof feedOf>, venue: StandIn): Promise<HeldLease> {
  const endpoints = [{ source: "kraken", live: venue.live, rest: venue.rest }];
  await declareFeeds(database, TENANT, [feed], endpoints, systemClock.now);
  await submitLiveJobs(database, TENANT, [feed], endpoints);
  const request = { kinds: [LIVE_KIND], worker: "bench", maxJobs: 1, leaseSeconds: LEASE_SECONDS };
  const [job] = await ledgerOf(database, TENANT).claim(request);
  if (job === undefined) throw new Error("the job was not leased");
  return job;
}
