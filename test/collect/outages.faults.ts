import { expect, it, onTestFinished, vi } from "vitest";
import { parsePair } from "../../internal/canonical/pair.ts";
import { findIncidents } from "../../internal/control/incidents/keeper.ts";
import { listIncidents } from "../../internal/storage/control/incidents.ts";
import { trade } from "../../internal/storage/trades/trades.testing.ts";
import { writeTrades } from "../../internal/storage/trades/trades.ts";
import { runHere } from "../program.ts";
import { startBinance } from "../venues/binance.ts";
import { startBitstamp } from "../venues/bitstamp.ts";
import { startCoinbase } from "../venues/coinbase.ts";
import { startKraken } from "../venues/kraken.ts";
import type { StandIn } from "../venues/server.ts";
import { collecting, PATIENCE } from "./harness.ts";

const FEED = "kraken:XLM-USD";
const XLM = { source: "kraken", pair: "XLM/USD" };

async function started(start: () => Promise<StandIn>): Promise<StandIn> {
  const venue = await start();
  onTestFinished(venue.close);
  return venue;
}

const began = () => new Date(Date.now() - 30_000).toISOString();
const connected = (venue: StandIn) => vi.waitUntil(() => venue.connections() > 0, PATIENCE);

it("a venue that goes silent is left for another connection, and one in maintenance is waited for", async () => {
  const venue = await started(startKraken);
  const { faults } = venue.markets;
  const { work, complete, database } = await collecting([venue], [{ ...XLM, start: began() }]);
  work();
  await connected(venue);
  venue.trade("XLM/USD", 3);
  await complete(venue, FEED, 3);

  faults.stall = true;
  venue.trade("XLM/USD", 2);
  // Pings are answered, but the heartbeats of the protocol stay away for ten seconds.
  await vi.waitUntil(() => venue.connections() === 0, PATIENCE);
  faults.stall = false;
  await connected(venue);
  await complete(venue, FEED, 5);

  faults.maintenance = true;
  venue.cut();
  venue.trade("XLM/USD", 2);
  await expect
    .poll(() => database.sql`SELECT code, key, message FROM control.collector_problems`, PATIENCE)
    .toMatchObject([{ code: "venue_unreachable", key: "kraken", message: expect.stringContaining("HTTP status 503") }]);
  faults.maintenance = false;
  await connected(venue);
  await complete(venue, FEED, 7);
  await expect.poll(() => database.sql`SELECT FROM control.collector_problems`, PATIENCE).toHaveLength(0);
}, 240_000);

it("a trade that cannot be understood is kept and stays a gap until it can; the others flow", async () => {
  const venue = await started(startCoinbase);
  const { faults } = venue.markets;
  const feed = "coinbase:XLM-USD";
  const { work, complete, database } = await collecting(
    [venue],
    [{ source: "coinbase", pair: "XLM/USD", start: began() }],
  );
  work();
  await connected(venue);
  venue.trade("XLM-USD", 3);
  await complete(venue, feed, 3);
  faults.wrongPrices = true;
  venue.trade("XLM-USD", 1);
  faults.wrongPrices = false;
  venue.trade("XLM-USD", 2);
  // By request the trade comes in its usual form.
  await complete(venue, feed, 6);
  const unread = await database.sql`SELECT reason, message FROM control.unread_messages`;
  expect(unread).toMatchObject([{ reason: "price is object, not a number without a sign" }]);
  expect(JSON.parse(unread[0]?.["message"])).toMatchObject({ type: "match", trade_id: 50_004 });
  await findIncidents(database.sql);
  const open = { isOpen: true, code: "unread_messages" as const, before: null, limit: 10 };
  expect(await listIncidents(database.sql, "default", open)).toMatchObject([{ key: "coinbase", count: 1 }]);
}, 240_000);

it("the clock of this machine does not matter: a venue's may be half an hour behind", async () => {
  const venue = await started(startKraken);
  venue.markets.faults.clockOffsetSeconds = -1800;
  const start = new Date(Date.now() - 1_860_000).toISOString();
  const { work, complete } = await collecting([venue], [{ ...XLM, start }]);
  work();
  await connected(venue);
  venue.trade("XLM/USD", 3);
  await complete(venue, FEED, 3);
  venue.cut();
  venue.trade("XLM/USD", 3);
  await connected(venue);
  await complete(venue, FEED, 6);
}, 240_000);

it("what a venue says of the future is kept, covers nothing and opens an incident; once clocks agree, everything flows", async () => {
  const venue = await started(startKraken);
  const { faults } = venue.markets;
  const { work, complete, database, stored, gaps, coveredTo } = await collecting([venue], [{ ...XLM, start: began() }]);
  work();
  await connected(venue);
  venue.trade("XLM/USD", 3);
  await complete(venue, FEED, 3);
  faults.clockOffsetSeconds = 600;
  venue.trade("XLM/USD", 2);
  const unread = () =>
    database.sql`SELECT message FROM control.unread_messages WHERE reason LIKE 'its time is more than a minute ahead%'`;
  await expect
    .poll(async () => (await unread()).filter(({ message }) => message.includes("trade_id")), PATIENCE)
    .toHaveLength(2);
  await findIncidents(database.sql);
  const open = { isOpen: true, code: "unread_messages" as const, before: null, limit: 10 };
  expect(await listIncidents(database.sql, "default", open)).toMatchObject([
    { key: "kraken", message: expect.stringContaining("ahead of this machine's clock") },
  ]);
  faults.clockOffsetSeconds = 0;
  venue.trade("XLM/USD", 2);
  const [{ ts: last } = { ts: 0n }] = venue.markets.of("XLM/USD").slice(-1);
  await vi.waitFor(async () => {
    const numbers = (await stored("kraken")).map(({ id }) => Number(id) - venue.markets.firstNumber);
    expect(numbers).toEqual([0, 1, 2, 5, 6]);
    expect(await gaps(FEED)).toEqual([]);
    expect((await coveredTo(FEED)) ?? 0n).toBeGreaterThan(last);
  }, PATIENCE);
}, 240_000);

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
  await findIncidents(database.sql);
  const open = { isOpen: true, code: "market_refused" as const, before: null, limit: 10 };
  const messages = (await listIncidents(database.sql, "default", open)).map(({ message }) => message);
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
  await findIncidents(database.sql);
  const open = { isOpen: true, code: "market_refused" as const, before: null, limit: 10 };
  const [incident, ...others] = await listIncidents(database.sql, "default", open);
  expect(others).toEqual([]);
  expect(incident).toMatchObject({ key: FEED, message: expect.stringContaining("stored as fiat:USD/crypto:XLM") });
  const cure = /`stellarindex (trades delete [^`]+)`/.exec(incident?.message ?? "")?.[1]?.split(" ") ?? [];
  const range = ["--from", "2025-12-31T00:00:00Z", "--to", "2026-01-02T00:00:00Z", "--yes"];
  expect(await runHere([...cure, ...range], { STELLARINDEX_DATABASE_URL: database.url })).toMatchObject({ status: 0 });
  await complete(venue, FEED, 5);
  await expect.poll(() => database.sql`SELECT FROM control.collector_problems`, PATIENCE).toHaveLength(0);
}, 240_000);

it("connections that are cut again and again are made with growing waits, and nothing is lost", async () => {
  const venue = await started(startKraken);
  const { work, complete } = await collecting([venue], [{ ...XLM, start: began() }]);
  work();
  let connections = 0;
  for (let cuts = 0; cuts < 6; cuts++) {
    await connected(venue);
    connections++;
    venue.trade("XLM/USD", 2);
    venue.cut(cuts % 2 === 0);
    await vi.waitUntil(() => venue.connections() === 0, PATIENCE);
    venue.trade("XLM/USD", 1);
  }
  await connected(venue);
  await complete(venue, FEED, connections * 3);
}, 240_000);
