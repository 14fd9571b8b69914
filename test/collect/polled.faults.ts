import { expect, it, onTestFinished, vi } from "vitest";
import { findIncidents } from "../../internal/control/incidents/keeper.ts";
import { listIncidents } from "../../internal/storage/control/incidents.ts";
import { startCoingecko } from "../venues/coingecko.ts";
import { dateOf, daysUntil, ecbRate, startEcb } from "../venues/ecb.ts";
import { collecting, PATIENCE } from "./harness.ts";

const DAY_MS = 86_400_000;

it("rates of the European Central Bank are collected and covered since their feeds' start, each day once", async () => {
  const venue = await startEcb();
  onTestFinished(venue.close);
  const { faults } = venue.markets;
  faults.throttled = 2;
  const start = (Math.floor(Date.now() / DAY_MS) - 200) * DAY_MS;
  const feeds = ["EUR/USD", "EUR/GBP", "EUR/JPY"].map((pair) => ({
    ...{ source: "ecb", pair, start: new Date(start).toISOString() },
  }));
  const { work, gaps, stored, coveredTo, database } = await collecting([venue], feeds);
  const days = daysUntil(Date.now()).filter((day) => day >= start);
  const expected = days.flatMap((day) =>
    ["GBP", "USD"].map((code) => `${dateOf(day)} ${code} ${ecbRate(code, day).replace(/0+$/, "")}`),
  );
  const rows = async () => {
    const prices = await database.sql<{ row: string }[]>`
      SELECT trade_id || ' ' || substr(quote_asset, 6) || ' ' || price::text AS row FROM trades WHERE source = 'ecb'`;
    return prices.map(({ row }) => row).sort();
  };
  const stop = work("first");
  await vi.waitFor(async () => {
    expect(await rows()).toEqual(expected.sort());
    for (const feed of ["ecb:EUR-USD", "ecb:EUR-GBP"]) {
      expect(await gaps(feed)).toEqual([]);
      expect(await coveredTo(feed)).toBeGreaterThan(BigInt(days[0] ?? 0) * 1000n);
    }
  }, PATIENCE);
  // The next rates are due in hours: nothing is asked for until then.
  const asked = venue.requests();
  await expect
    .poll(() => database.sql`SELECT key FROM control.collector_problems WHERE code = 'market_refused'`, PATIENCE)
    .toEqual([{ key: "ecb:EUR-JPY" }]);
  expect(await coveredTo("ecb:EUR-JPY")).toBeNull();
  await stop();
  work("second");
  await vi.waitUntil(() => venue.requests() > asked, PATIENCE);
  expect(venue.requests()).toBeLessThan(asked + 3);
  expect(await stored("ecb")).toHaveLength(expected.length);
}, 240_000);

it("quotes of CoinGecko are stored once, none of them counts as complete, and what is no price is kept", async () => {
  const venue = await startCoingecko();
  onTestFinished(venue.close);
  const { faults } = venue.markets;
  const pairs = ["XLM/USD", "BTC/USD", "DAI/USD"];
  const { work, gaps, stored, coveredTo, database } = await collecting(
    [venue],
    pairs.map((pair) => ({ source: "coingecko", pair, start: new Date(Date.now() - DAY_MS).toISOString() })),
  );
  const ids = async () => (await stored("coingecko")).map(({ id, base }) => `${base} ${id}`).sort();
  const idOf = (market: string) => String((venue.markets.of(market).at(-1)?.ts ?? 0n) / 1_000_000n);
  venue.markets.happen("stellar/usd", 60);
  venue.markets.happen("bitcoin/usd", 60);
  const first = [`crypto:BTC ${idOf("bitcoin/usd")}`, `crypto:XLM ${idOf("stellar/usd")}`];
  // Each worker asks once, and then after a minute.
  let stop = work("first");
  await expect.poll(ids, PATIENCE).toEqual(first);
  expect(venue.requests()).toBe(1);
  await expect
    .poll(() => database.sql`SELECT key FROM control.collector_problems WHERE code = 'market_refused'`, PATIENCE)
    .toEqual([{ key: "coingecko:DAI-USD" }]);
  await stop();

  Object.assign(faults, { exponents: true, throttled: 1 });
  venue.markets.happen("stellar/usd", 30);
  const second = [...first, `crypto:XLM ${idOf("stellar/usd")}`].sort();
  stop = work("second");
  await expect.poll(ids, PATIENCE).toEqual(second);
  expect(
    await database.sql`SELECT rate < max_rate AS "isSlowed" FROM control.throttles WHERE tenant = 'default'`,
  ).toEqual([{ isSlowed: true }]);
  await stop();

  faults.wrongPrices = true;
  venue.markets.happen("stellar/usd", 10);
  stop = work("third");
  const reasons = () =>
    database.sql`SELECT DISTINCT reason FROM control.unread_messages WHERE reason LIKE 'usd is "about %'`;
  await expect.poll(reasons, PATIENCE).toHaveLength(2);
  await findIncidents(database.sql);
  const open = { isOpen: true, code: "unread_messages" as const, before: null, limit: 10 };
  expect(await listIncidents(database.sql, "default", open)).toMatchObject([{ key: "coingecko" }]);
  expect(await ids()).toEqual(second);
  expect(await gaps("coingecko:XLM-USD")).toEqual([]);
  expect(await coveredTo("coingecko:XLM-USD")).toBeNull();
  await stop();
}, 240_000);
