import { setTimeout as sleep } from "node:timers/promises";
import { quantile } from "simple-statistics";
import { parsePair } from "../internal/canonical/pair.ts";
import { declareFeeds, feedOf } from "../internal/collect/declare.ts";
import { disconnected, tradesStored } from "../internal/collect/events.ts";
import { collectLive } from "../internal/collect/live/collect-live.ts";
import { stopwatch, systemClock } from "../internal/lib/clock.ts";
import { startKraken } from "../test/venues/kraken.ts";
import type { Bench } from "./bench.ts";
import { withBenchDatabase } from "./database.ts";

const TICK_MS = 10;
const PER_SECOND = 2000;

/** The stand-in of a venue sends trades; the collector stores them. All of it runs in this process, so that the figures are of the worse. */
export const collect: Bench = {
  summary: "time from a trade's arrival over WebSocket until it is stored, at 2000 trades a second",
  run: ({ server, short }) =>
    withBenchDatabase(server, async (database) => {
      const venue = await startKraken(["XLM/USD"]);
      const feed = feedOf({ source: "kraken", connector: "kraken", pair: parsePair("XLM/USD") });
      const endpoints = [{ source: "kraken", live: venue.live, rest: venue.rest }];
      await declareFeeds(database, "default", [feed], endpoints, systemClock.now);
      const stop = new AbortController();
      const waits: number[] = [];
      let rows = 0;
      const unsubscribe = tradesStored.subscribe(({ inserted, writeSeconds }) => {
        rows += inserted;
        waits.push(writeSeconds ?? 0);
      });
      let cut: string | null = null;
      const unsubscribeCuts = disconnected.subscribe(({ reason }) => {
        cut = reason;
      });
      const collecting = collectLive(
        {
          ...{
            connector: feed.connector,
            endpoint: { live: venue.live, rest: venue.rest },
            source: "kraken",
            database,
          },
          ...{ tenant: "default", now: systemClock.now, stopwatch, random: Math.random },
          get: () => Promise.reject(new Error("nothing is asked for")),
          ask: () => Promise.reject(new Error("nothing is asked for")),
          readFeeds: async () => [feed.collected],
          fillGaps: async () => {},
        },
        stop.signal,
      );
      while (venue.connections() === 0) await sleep(TICK_MS);
      const seconds = short ? 3 : 60;
      const startedAt = stopwatch();
      let sent = 0;
      while (stopwatch() - startedAt < seconds) {
        const due = Math.floor((stopwatch() - startedAt) * PER_SECOND);
        venue.trade("XLM/USD", due - sent);
        sent = due;
        await sleep(TICK_MS);
      }
      while (rows < sent && cut === null) await sleep(TICK_MS);
      if (cut !== null) throw new Error(`the connection was cut, so that not all trades came: ${cut}`);
      stop.abort();
      await collecting;
      unsubscribe();
      unsubscribeCuts();
      await venue.close();
      const ms = (share: number): string => (quantile(waits, share) * 1000).toFixed(0);
      console.log(`${sent} trades in ${seconds} s, in ${waits.length} batches`);
      console.log(
        `from the arrival of a batch's first trade until the commit: p50 ${ms(0.5)} ms, p99 ${ms(0.99)} ms, most ${ms(1)} ms`,
      );
    }),
};
