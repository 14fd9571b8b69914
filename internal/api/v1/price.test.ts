import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Pair, parsePair } from "../../canonical/pair.ts";
import { parseTime, seconds } from "../../canonical/time.ts";
import { backendUnreachable } from "../../http/events.ts";
import type { PolicySettings } from "../../policy/policy.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { listenTo, openApiDatabase, openTestApi, unreachableDatabase } from "./api.testing.ts";

const XLM = parsePair("XLM/USD");
const QUIET = parsePair("QUIET/USD");
const JUMPY = parsePair("JUMPY/USD");
const TORN = parsePair("TORN/USD");

let database: TestDatabase;

beforeAll(async () => {
  database = await openApiDatabase();
  const steadily = (pair: Pair, count: number) =>
    Array.from({ length: count }, (_, index) =>
      trade(pair, "2026-01-10T11:30:00Z", { tradeId: String(index), base: "10", quote: String(20 + (index % 2)) }),
    );
  await writeTrades(database, [
    trade(XLM, "2026-01-10T11:59:00Z", { base: "10", quote: "5" }),
    trade(XLM, "2026-01-10T12:00:00Z", { base: "10", quote: "95" }),
    ...steadily(QUIET, 30),
    trade(QUIET, "2026-01-10T11:40:00.25Z", { base: "3", quote: "6.1" }),
    trade(QUIET, "2026-01-10T11:41:00Z", { quote: "999", source: "coingecko" }),
    ...steadily(JUMPY, 30),
    trade(JUMPY, "2026-01-10T11:40:00Z", { base: "0.01", quote: "10" }),
    // Amounts and prices such that no trade is within the guard factor of the VWAP.
    ...steadily(TORN, 30),
    trade(TORN, "2026-01-10T11:40:00Z", { quote: "1000" }),
  ]);
});

afterAll(() => database.drop());

test("a fresh stored value of the shortest window is the price", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:05Z");
  const text = await api.publish(XLM, 300, "2026-01-10T12:00:00Z");
  await api.put(XLM, 300, text.replace('"0.5"', '"0.51"'), "2026-01-10T12:00:00Z");
  const { body, headers } = await api.get("/v1/price?pair=native/USD");
  expect(body).toEqual({
    data: {
      pair: "crypto:XLM/fiat:USD",
      price: "0.51",
      price_type: "vwap",
      as_of: "2026-01-10T12:00:00Z",
      window_seconds: 300,
      policy: api.policy.id,
    },
    flags: { stale: false, triangulated: false, divergence_warning: false },
  });
  expect(headers.get("Cache-Control")).toBe("public, max-age=25");
});

test("the latest closed bucket replaces a stored value that is no longer fresh", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:05Z");
  const text = await api.publish(XLM, 300, "2026-01-10T12:00:00Z");
  await api.put(XLM, 300, text.replace('"0.5"', '"0.51"'), "2026-01-10T12:00:00Z");
  api.at("2026-01-10T12:00:30Z");
  expect((await api.get("/v1/price?pair=XLM/USD")).body.data.price).toBe("0.51");
  api.at("2026-01-10T12:00:30.000001Z");
  expect((await api.get("/v1/price?pair=XLM/USD")).body).toMatchObject({
    data: { price: "5", as_of: "2026-01-10T12:00:15Z" },
    flags: { stale: false },
  });
});

test("shows a bucket only once it is closed", async () => {
  const api = openTestApi({ database });
  const answers = [];
  for (const now of ["2026-01-10T12:00:19.999999Z", "2026-01-10T12:00:20Z"]) {
    api.at(now);
    const { as_of, price } = (await api.get("/v1/price?pair=XLM/USD")).body.data;
    answers.push([as_of, price]);
  }
  expect(answers).toEqual([
    ["2026-01-10T12:00:00Z", "0.5"],
    ["2026-01-10T12:00:15Z", "5"],
  ]);
});

test("the last trade is the price if the shortest window is empty", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  const { body } = await api.get("/v1/price?pair=QUIET/USD");
  expect(body).toEqual({
    data: {
      pair: "crypto:QUIET/fiat:USD",
      price: "2.03333333333333333",
      price_type: "last_trade",
      as_of: "2026-01-10T11:40:00.25Z",
      window_seconds: 86_400,
      policy: api.policy.id,
    },
    flags: { stale: true, triangulated: false, divergence_warning: false },
  });
});

test("a last trade counts only from closed buckets", async () => {
  const api = openTestApi({ database, settings: { windows: [30, 3600] } });
  const priceTypes = [];
  // 11:40:00.25 is in the bucket that ends at 11:40:15 and closes at 11:40:20; the 30 s window is empty from 11:41 on.
  for (const now of ["2026-01-10T11:40:19Z", "2026-01-10T11:40:20Z", "2026-01-10T11:41:00Z"]) {
    api.at(now);
    const { price_type, as_of } = (await api.get("/v1/price?pair=QUIET/USD")).body.data;
    priceTypes.push([price_type, as_of]);
  }
  expect(priceTypes).toEqual([
    ["last_trade", "2026-01-10T11:30:00Z"],
    ["vwap", "2026-01-10T11:40:15Z"],
    ["last_trade", "2026-01-10T11:40:00.25Z"],
  ]);
});

test("a last trade outside the longest window's band is skipped for an earlier one inside it", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  expect((await api.get("/v1/price?pair=JUMPY/USD")).body).toMatchObject({
    data: { price: "2.1", price_type: "last_trade", as_of: "2026-01-10T11:30:00Z" },
    flags: { stale: true },
  });
});

test("the price is withheld if no trade is near the longest window's VWAP", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  const { status, body } = await api.get("/v1/price?pair=TORN/USD");
  expect({ status, body }).toMatchObject({
    status: 404,
    body: {
      type: "urn:stellarindex:problem:price-withheld",
      detail: expect.stringContaining("too far from the others"),
    },
  });
});

test("a last trade that is too small to form a price is skipped for the one before", async () => {
  const pair = parsePair("DUST/USD");
  await writeTrades(database, [
    ...Array.from({ length: 60 }, (_, index) =>
      trade(pair, "2026-01-10T11:30:00Z", { tradeId: String(index), base: "10000", quote: "1000" }),
    ),
    ...Array.from({ length: 6 }, (_, index) =>
      trade(pair, "2026-01-10T11:40:00Z", { tradeId: String(index), base: "0.0000001", quote: "0.0000001" }),
    ),
  ]);
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  expect((await api.get("/v1/price?pair=DUST/USD")).body.data).toMatchObject({
    price: "0.1",
    price_type: "last_trade",
    as_of: "2026-01-10T11:30:00Z",
  });
});

test("the price is withheld if the shortest or the longest window is below the floor", async () => {
  const api = openTestApi({ database, policy: { min_usd_volume: 1e6 } });
  api.at("2026-01-10T12:00:10Z");
  for (const pair of ["XLM/USD", "QUIET/USD"]) {
    expect((await api.get(`/v1/price?pair=${pair}`)).body.type).toBe("urn:stellarindex:problem:price-withheld");
  }
  const { status, body } = await api.get("/v1/price?pair=NONE/USD");
  expect({ status, type: body.type }).toEqual({ status: 404, type: "urn:stellarindex:problem:price-not-found" });
});

test("without a database, an older stored price is served as stale", async () => {
  const gone = unreachableDatabase();
  const here = openTestApi({ database });
  here.at("2026-01-10T12:00:05Z");
  await here.publish(XLM, 300, "2026-01-10T12:00:00Z");
  const api = openTestApi({ database: gone, store: here.store });
  api.at("2026-01-10T12:04:00Z");
  const unreachable = listenTo(backendUnreachable);
  const { status, body } = await api.get("/v1/price?pair=XLM/USD");
  expect(status).toBe(200);
  expect(body).toMatchObject({ data: { price: "0.5", as_of: "2026-01-10T12:00:00Z" }, flags: { stale: true } });
  expect(unreachable.events).toMatchObject([{ backend: "database" }]);
  unreachable.stop();
  await gone.close();
});

test("the last trade does not come from a venue that the longest window drops", async () => {
  const pair = parsePair("ODD/USD");
  const at = (minute: number) => `2026-01-10T11:${minute}:00Z`;
  await writeTrades(database, [
    ...["kraken", "coinbase", "binance"].map((source) => trade(pair, at(30), { source, base: "10", quote: "20" })),
    trade(pair, at(31), { source: "bitstamp", base: "10", quote: "30" }),
  ]);
  const price = async (policy: object) => {
    const api = openTestApi({ database, policy });
    api.at("2026-01-10T12:00:05Z");
    return (await api.get("/v1/price?pair=ODD/USD")).body.data;
  };
  const all = await price({ venue_deviation_pct: 0 });
  expect(all).toMatchObject({ price: "3", price_type: "last_trade", as_of: at(31) });
  expect(await price({})).toMatchObject({ price: "2", price_type: "last_trade", as_of: at(30) });
});

describe("while the guard withholds the current value", () => {
  const pair = parsePair("SPIKE/USD");
  const other = parsePair("FIRST/USD");
  beforeAll(() =>
    writeTrades(database, [
      // An hour of calm, then a market that jumps at 11:30.
      ...[0, 15, 30, 45, 60, 75, 89].map((minute) =>
        trade(pair, parseTime("2026-01-10T10:00:00Z") + seconds(60 * minute), { base: "10", quote: "20" }),
      ),
      trade(pair, "2026-01-10T11:30:00Z", { base: "10", quote: "900" }),
      trade(pair, "2026-01-10T12:25:00Z", { base: "10", quote: "900", tradeId: "again" }),
      trade(other, "2026-01-10T10:00:00Z", { base: "10", quote: "20" }),
      trade(other, "2026-01-10T12:25:00Z", { base: "10", quote: "900" }),
    ]),
  );

  const ask = async (now: string, asked: Pair, policy: Partial<PolicySettings> = {}) => {
    const api = openTestApi({ database, policy });
    api.at(now);
    return { api, ...(await api.get(`/v1/price?base=${asked.base}&quote=${asked.quote}`)) };
  };

  test("the latest earlier publishable value is held and flagged", async () => {
    const { api, status, body, headers } = await ask("2026-01-10T11:30:20Z", pair);
    expect(status).toBe(200);
    expect(body).toEqual({
      data: {
        pair: "crypto:SPIKE/fiat:USD",
        price: "2",
        price_type: "held",
        // The last bucket without the jump.
        as_of: "2026-01-10T11:30:00Z",
        window_seconds: 300,
        policy: api.policy.id,
        reason: "guarded",
      },
      flags: { stale: true, triangulated: false, divergence_warning: false, frozen: true },
    });
    expect(headers.get("Cache-Control")).toBe("public, max-age=15");
    const withheld = "urn:stellarindex:problem:price-withheld";
    for (const path of ["vwap", "twap"]) {
      expect((await api.get(`/v1/${path}?pair=SPIKE/USD`)).body.type).toBe(withheld);
    }
  });

  test("a value is held for guard_hold_seconds, and not at all if that is 0", async () => {
    // The last bucket with a value ends at 11:30:00, 3315 s before the one that ends at 12:25:15.
    const held = await ask("2026-01-10T12:25:20Z", pair);
    expect(held.body.data).toMatchObject({ price: "2", price_type: "held", as_of: "2026-01-10T11:30:00Z" });
    const within = await ask("2026-01-10T12:25:20Z", pair, { guard_hold_seconds: 3315 });
    expect(within.body.data).toMatchObject({ price_type: "held", as_of: "2026-01-10T11:30:00Z" });
    for (const guard_hold_seconds of [3314, 0]) {
      const { status, body } = await ask("2026-01-10T12:25:20Z", pair, { guard_hold_seconds });
      expect({ status, body }).toMatchObject({
        status: 404,
        body: { type: "urn:stellarindex:problem:price-withheld", detail: expect.stringContaining("guard_factor (2)") },
      });
    }
    expect((await ask("2026-01-10T12:25:20Z", other)).body.type).toBe("urn:stellarindex:problem:price-withheld");
  });

  test("a pair that is the inverted market is withheld and held in the same way", async () => {
    const inverted = { base: pair.quote, quote: pair.base };
    const { api, body } = await ask("2026-01-10T11:30:20Z", inverted);
    expect(body).toMatchObject({
      data: { pair: "fiat:USD/crypto:SPIKE", price: "0.5", price_type: "held", as_of: "2026-01-10T11:30:00Z" },
      flags: { triangulated: true, frozen: true },
    });
    const withheld = {
      type: "urn:stellarindex:problem:price-withheld",
      detail: expect.stringMatching(/price of the trades of crypto:SPIKE\/fiat:USD from .* guard_factor \(2\)/),
    };
    expect((await api.get("/v1/vwap?base=USD&quote=SPIKE")).body).toMatchObject(withheld);
    expect((await ask("2026-01-10T11:30:20Z", inverted, { guard_hold_seconds: 0 })).body).toMatchObject(withheld);
    const worthless = await ask("2026-01-10T11:30:20Z", inverted, { min_usd_volume: 1000 });
    expect(worthless.body).toMatchObject({
      type: "urn:stellarindex:problem:price-withheld",
      detail: expect.stringMatching(/trades of crypto:SPIKE\/fiat:USD from .* are worth less than 1000 USD/),
    });
    // Without triangulation the pair has no trades at all, so that nothing is withheld.
    const off = await ask("2026-01-10T11:30:20Z", inverted, { triangulation_enabled: false });
    expect(off.body.type).toBe("urn:stellarindex:problem:price-not-found");
  });

  test("with the guard switched off, the jump is shown with the usual flags only", async () => {
    const { body } = await ask("2026-01-10T12:25:20Z", pair, { guard_factor: 0 });
    expect(body.data).toMatchObject({ price: "90", price_type: "vwap" });
    expect(body.data).not.toHaveProperty("reason");
    expect(body.flags).toEqual({ stale: false, triangulated: false, divergence_warning: false });
  });
});
