import { expect, it, onTestFinished, vi } from "vitest";
import { startBinance } from "../venues/binance.ts";
import { collecting, PATIENCE } from "./harness.ts";

const FEED = "binance:XLM-USDT";
const DAY_MS = 86_400_000;

it("a gap of days is filled from Binance's files where there are such, by request where not, and each trade is stored once", async () => {
  const venue = await startBinance();
  onTestFinished(venue.close);
  const start = (Math.floor(Date.now() / DAY_MS) - 4) * DAY_MS + 20 * 3_600_000;
  // A trade each quarter of an hour, until an hour ago.
  for (let at = start + 60_000; at < Date.now() - 3_600_000; at += 900_000) {
    venue.markets.happen("XLMUSDT", (Date.now() - at) / 1000);
  }
  const feed = { source: "binance", pair: "XLM/USDT", start: new Date(start).toISOString() };
  const { work, complete, stored, database } = await collecting([venue], [feed]);
  const stop = work("first");
  await vi.waitUntil(() => venue.connections() > 0, PATIENCE);
  venue.trade("XLMUSDT", 5);
  const count = () => venue.markets.all().length;
  await complete(venue, FEED, count());
  // One window for each day, or what there is of it, and some quarters of an hour.
  const windows = await database.sql<{ hours: number }[]>`
    SELECT extract(epoch FROM (payload->>'to')::timestamptz - (payload->>'from')::timestamptz)::float8 / 3600 AS hours
    FROM control.jobs WHERE payload ? 'from'`;
  expect(windows.filter(({ hours }) => hours === 24)).toHaveLength(3);
  expect(windows.length).toBeLessThan(15);
  const daysAgo = (days: number) => new Date(start + (4 - days) * DAY_MS).toISOString().slice(0, 10);
  expect([...venue.servedDays()].sort()).toEqual([daysAgo(4), daysAgo(3), daysAgo(2)]);
  await stop();
  // What is asked for again, by request and from files, is known.
  await database.sql`DELETE FROM control.coverage`;
  await database.sql`DELETE FROM control.jobs WHERE payload ? 'from'`;
  work("second");
  await vi.waitUntil(() => venue.connections() > 0, PATIENCE);
  venue.trade("XLMUSDT", 2);
  await complete(venue, FEED, count());
  const ids = (await stored("binance")).map(({ id }) => id);
  expect(ids).toEqual(venue.markets.of("XLMUSDT").map(({ number }) => String(number)));
}, 240_000);
