import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { openApiDatabase, openTestApi } from "./api.testing.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await openApiDatabase();
  await writeTrades(database, [
    trade(parsePair("native/USD"), "2026-01-10T11:59:59Z", { base: "3", source: "coingecko" }),
    trade(parsePair("XLM/USD"), "2026-01-10T12:00:01Z", { quote: "2" }),
    trade(parsePair("XLM/USD"), "2026-01-10T12:01:00Z", { quote: "9" }),
  ]);
});

afterAll(() => database.drop());

test("lists the pairs as traded, over all sources", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:01:20Z");
  const { status, body, headers } = await api.get("/v1/markets");
  expect(status).toBe(200);
  expect(headers.get("Cache-Control")).toBe("public, max-age=45");
  expect(body).toEqual({
    data: {
      from: "2026-01-09T12:01:00Z",
      to: "2026-01-10T12:01:00Z",
      markets: [
        {
          pair: "crypto:XLM/fiat:USD",
          last_trade: { ts: "2026-01-10T12:00:01Z", price: "2", source: "kraken" },
          trade_count_24h: 1,
          base_volume_24h: "1",
          quote_volume_24h: "2",
        },
        {
          pair: "native/fiat:USD",
          last_trade: { ts: "2026-01-10T11:59:59Z", price: "0.333333333333333333", source: "coingecko" },
          trade_count_24h: 1,
          base_volume_24h: "3",
          quote_volume_24h: "1",
        },
      ],
      next: null,
    },
    flags: { stale: false, triangulated: false, divergence_warning: false },
  });
});

test("shows a minute only once it is closed", async () => {
  const api = openTestApi({ database });
  const seen = [];
  for (const now of ["2026-01-10T12:01:04.999999Z", "2026-01-10T12:01:05Z", "2026-01-10T12:02:05Z"]) {
    api.at(now);
    const { markets } = (await api.get("/v1/markets")).body.data;
    seen.push(markets.map(({ last_trade }: { last_trade: { price: string } }) => last_trade.price));
  }
  expect(seen).toEqual([["0.333333333333333333"], ["2", "0.333333333333333333"], ["9", "0.333333333333333333"]]);
});

test("returns pages", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T13:00:00Z");
  const first = (await api.get("/v1/markets?limit=1")).body.data;
  expect(first).toMatchObject({ markets: [{ pair: "crypto:XLM/fiat:USD" }], next: "crypto:XLM/fiat:USD" });
  const second = (await api.get(`/v1/markets?limit=1&cursor=${first.next}`)).body.data;
  expect(second).toMatchObject({ markets: [{ pair: "native/fiat:USD" }], next: null });
  expect((await api.get("/v1/markets?cursor=x")).body.errors).toMatchObject([{ parameter: "cursor" }]);
});

test("pages over pairs that are valid in the database but not in a query", async () => {
  const odd = `C${"A".repeat(55)}`;
  await database.sql`
    INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
    VALUES (${odd}, 'fiat:XYZ', '2026-01-10T12:00:02Z', 'kraken', 'odd', 1, 1)`;
  const api = openTestApi({ database });
  api.at("2026-01-10T12:01:20Z");
  const pairs: string[] = [];
  let next: string | null = "";
  while (next !== null) {
    const cursor: string = next === "" ? "" : `&cursor=${encodeURIComponent(next)}`;
    const { status, body } = await api.get(`/v1/markets?limit=1${cursor}`);
    expect(status).toBe(200);
    pairs.push(...body.data.markets.map(({ pair }: { pair: string }) => pair));
    next = body.data.next;
  }
  expect(pairs).toEqual([`${odd}/fiat:XYZ`, "crypto:XLM/fiat:USD", "native/fiat:USD"]);
  expect((await api.get("/v1/markets?cursor=nonsense")).status).toBe(400);
});
