import { expect, it } from "vitest";
import { parsePair } from "../../internal/canonical/pair.ts";
import { trade } from "../../internal/storage/trades/trades.testing.ts";
import { writeTrades } from "../../internal/storage/trades/trades.ts";
import { runHere } from "../program.ts";
import { startBinance } from "../venues/binance.ts";
import { startBitstamp } from "../venues/bitstamp.ts";
import { startKraken } from "../venues/kraken.ts";
import { began, collecting, connected, openIncidents, PATIENCE, started } from "./harness.ts";

const FEED = "kraken:XLM-USD";
const XLM = { source: "kraken", pair: "XLM/USD" };

it("a market that the venue does not have is named, and the others of the source are collected", async () => {
  const kraken = await started(startKraken);
  const binance = await started(startBinance);
  const { work, complete, database, coveredTo } = await collecting(
    [kraken, binance],
    [
      { ...XLM, start: began() },
      { source: "kraken", pair: "FOO/USD", start: began() },
      { source: "binance", pair: "FOO/USDT", start: began() },
    ],
  );
  work();
  await connected(kraken);
  kraken.trade("XLM/USD", 3);
  await complete(kraken, FEED, 3);
  // The venue's clock on the connection says nothing about a market that is not subscribed.
  expect(await coveredTo("kraken:FOO-USD")).toBeNull();
  // Binance accepts the stream; its answers to requests tell.
  await expect
    .poll(
      () => database.sql`SELECT key FROM control.collector_problems WHERE code = 'market_refused' ORDER BY key`,
      PATIENCE,
    )
    .toEqual([{ key: "binance:FOO-USDT" }, { key: "kraken:FOO-USD" }]);
  const messages = (await openIncidents(database, "market_refused")).map(({ message }) => message);
  expect(messages.sort()).toEqual([
    expect.stringMatching(/^binance:FOO-USDT is not collected: .*Invalid symbol/),
    "kraken:FOO-USD is not collected: Currency pair not supported FOO/USD",
  ]);
}, 240_000);

it("a market that the venue never answers for is given up with the second connection, and the others are collected", async () => {
  const venue = await started(startBitstamp);
  const feed = "bitstamp:XLM-USD";
  const { work, complete, database, coveredTo } = await collecting(
    [venue],
    [
      { source: "bitstamp", pair: "XLM/USD", start: began() },
      { source: "bitstamp", pair: "BTC/USD", market: "BTC/USD", start: began() },
    ],
  );
  work();
  await expect
    .poll(
      () => database.sql`SELECT key, message FROM control.collector_problems WHERE code = 'market_refused'`,
      PATIENCE,
    )
    .toEqual([{ key: "bitstamp:BTC-USD", message: "the subscription of BTC/USD was not acknowledged within 10 s" }]);
  venue.trade("xlmusd", 3);
  await complete(venue, feed, 3);
  expect(await coveredTo("bitstamp:BTC-USD")).toBeNull();
}, 240_000);

it("a market whose trades are stored the other way round is not collected until they are deleted; others are", async () => {
  const venue = await started(startKraken);
  const { work, complete, database, stored } = await collecting(
    [venue],
    [
      { ...XLM, start: began() },
      { source: "kraken", pair: "BTC/USD", start: began() },
    ],
  );
  const imported = trade(parsePair("USD/XLM"), "2026-01-01T00:00:00Z", { source: "kraken" });
  await writeTrades(database, [imported]);
  work();
  await connected(venue);
  venue.trade("XLM/USD", 2);
  venue.trade("BTC/USD", 3);
  await expect.poll(async () => (await stored("kraken")).length, PATIENCE).toBe(4);
  const [incident, ...others] = await openIncidents(database, "market_refused");
  expect(others).toEqual([]);
  expect(incident).toMatchObject({ key: FEED, message: expect.stringContaining("stored as fiat:USD/crypto:XLM") });
  const cure = /`stellarindex (trades delete [^`]+)`/.exec(incident?.message ?? "")?.[1]?.split(" ") ?? [];
  const range = ["--from", "2025-12-31T00:00:00Z", "--to", "2026-01-02T00:00:00Z", "--yes"];
  expect(await runHere([...cure, ...range], { STELLARINDEX_DATABASE_URL: database.url })).toMatchObject({ status: 0 });
  await complete(venue, FEED, 5);
  await expect.poll(() => database.sql`SELECT FROM control.collector_problems`, PATIENCE).toHaveLength(0);
}, 240_000);
