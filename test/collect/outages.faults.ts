import { expect, it, vi } from "vitest";
import { startCoinbase } from "../venues/coinbase.ts";
import { startKraken } from "../venues/kraken.ts";
import { began, collecting, connected, openIncidents, PATIENCE, started } from "./harness.ts";

const FEED = "kraken:XLM-USD";
const XLM = { source: "kraken", pair: "XLM/USD" };

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
  expect(await openIncidents(database, "unread_messages")).toMatchObject([{ key: "coinbase", count: 1 }]);
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
  expect(await openIncidents(database, "unread_messages")).toMatchObject([
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
