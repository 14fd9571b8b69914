import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import { parseTime, seconds } from "../../canonical/time.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { openApiDatabase, openTestApi } from "./api.testing.ts";

const XLM = parsePair("XLM/USD");

/** Prices far from each other show how each is weighted; the guard would drop them. */
const ANY_PRICE = { guard_factor: 0 };

let database: TestDatabase;

beforeAll(async () => {
  database = await openApiDatabase();
  await writeTrades(database, [
    // The price 1 lasts for 60 s, 2 for no time, 4 for 180 s.
    trade(XLM, "2026-01-10T11:56:00Z"),
    trade(XLM, "2026-01-10T11:57:00Z", { quote: "2", source: "binance" }),
    trade(parsePair("native/USD"), "2026-01-10T11:57:00Z", { quote: "4" }),
    trade(XLM, "2026-01-10T11:58:00Z", { quote: "100", source: "coingecko" }),
    trade(XLM, "2026-01-10T12:00:00Z", { quote: "1000" }),
  ]);
});

afterAll(() => database.drop());

test("weights each price by the time until the next one", async () => {
  const api = openTestApi({ database, policy: ANY_PRICE });
  api.at("2026-01-10T12:00:10Z");
  const { status, body, headers } = await api.get("/v1/twap?pair=native/USD");
  expect(status).toBe(200);
  expect(headers.get("Cache-Control")).toBe("public, max-age=10");
  expect(body).toEqual({
    data: {
      pair: "crypto:XLM/fiat:USD",
      window_seconds: 300,
      from: "2026-01-10T11:55:00Z",
      to: "2026-01-10T12:00:00Z",
      price: "3.25",
      trade_count: 3,
      policy: api.policy.id,
    },
    flags: { stale: false, triangulated: false, divergence_warning: false },
  });
});

test("is withheld if the bucket's VWAP is, except with filter=none", async () => {
  const api = openTestApi({ database, policy: { min_usd_volume: 1e9 } });
  api.at("2026-01-10T12:00:10Z");
  const withheld = (await api.get("/v1/vwap?pair=XLM/USD")).body;
  expect(withheld).toMatchObject({ type: "urn:stellarindex:problem:price-withheld", status: 404 });
  expect((await api.get("/v1/twap?pair=XLM/USD")).body).toEqual(withheld);
  const { text, headers } = await api.get("/v1/twap?pair=native/USD&filter=none");
  expect(text).toBe(
    `{"data":{"pair":"crypto:XLM/fiat:USD","window_seconds":300,"from":"2026-01-10T11:55:00Z",` +
      `"to":"2026-01-10T12:00:00Z","price":"3.25","trade_count":3,"policy":"${api.policy.id}"},` +
      `"flags":{"stale":false,"triangulated":false,"divergence_warning":false}}`,
  );
  expect(headers.get("Cache-Control")).toBe("public, max-age=10");
});

test("accepts a window, a time, and a range", async () => {
  const api = openTestApi({ database, policy: ANY_PRICE });
  api.at("2026-01-10T13:00:00Z");
  const priceOf = async (query: string) => (await api.get(`/v1/twap?pair=XLM/USD&${query}`)).body.data?.price;
  expect(await priceOf("at=2026-01-10T12:00:14Z&window=2m")).toBeUndefined();
  expect(await priceOf("at=2026-01-10T12:00:14Z&window=4m")).toBe("3.25");
  // The price 1 is carried in and lasts for half of the bucket.
  expect(await priceOf("from=2026-01-10T11:56:30Z&to=2026-01-10T11:57:30Z")).toBe("2.5");
  expect(await priceOf("from=2026-01-10T11:56:30Z&to=2026-01-10T11:57:30Z&filter=none")).toBe("4");
  for (const filter of ["", "&filter=none"]) {
    const { body } = await api.get(`/v1/twap?pair=XLM/USD${filter}`);
    expect(body.type).toBe("urn:stellarindex:problem:price-not-found");
  }
});

test.each(["all", ""])("refuses filter=%s, and any filter of a VWAP", async (filter) => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  const { status, body } = await api.get(`/v1/twap?pair=XLM/USD&filter=${filter}`);
  expect({ status, body }).toMatchObject({
    status: 400,
    body: { errors: [{ parameter: "filter", detail: "must be none" }] },
  });
  expect((await api.get("/v1/vwap?pair=XLM/USD&filter=none")).status).toBe(400);
});

test("carries the last price from before the bucket, if it is recent enough", async () => {
  const pair = parsePair("QUIET/USD");
  await writeTrades(database, [
    trade(pair, "2026-01-10T10:50:00Z"),
    trade(pair, "2026-01-10T11:59:00Z", { quote: "1.5" }),
  ]);
  const priceOf = async (query: string, twap_carry_seconds = 3600) => {
    const api = openTestApi({ database, policy: { twap_carry_seconds } });
    api.at("2026-01-10T12:00:10Z");
    return (await api.get(`/v1/twap?pair=QUIET/USD&${query}`)).body.data?.price;
  };
  // The last price is exactly an hour older than 11:50; the price 1 lasts for 540 of 600 s.
  expect(await priceOf("window=10m")).toBe("1.05");
  expect(await priceOf("window=10m", 3599)).toBe("1.5");
  expect(await priceOf("window=10m", 0)).toBe("1.5");
  expect(await priceOf("window=585s")).toBe("1.5");
  expect(await priceOf("window=10m&filter=none")).toBe("1.5");
});

test("drops dust and outliers as the VWAP does, except with filter=none", async () => {
  const pair = parsePair("DUSTY/USD");
  const steadily = Array.from({ length: 30 }, (_, index) =>
    trade(pair, parseTime("2026-01-10T11:55:00Z") + seconds(10 * index), { base: "10000", quote: "1000" }),
  );
  await writeTrades(database, [
    ...steadily,
    trade(pair, "2026-01-10T11:56:05Z", { base: "0.0000001", quote: "0.0000001", source: "sdex" }),
    trade(pair, "2026-01-10T11:57:05Z", { base: "10", quote: "100" }),
  ]);
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  expect((await api.get("/v1/twap?pair=DUSTY/USD")).body.data).toMatchObject({ price: "0.1", trade_count: 30 });
  // The prices 1 and 10 last for 5 of 300 s each.
  expect((await api.get("/v1/twap?pair=DUSTY/USD&filter=none")).body.data).toMatchObject({
    price: "0.28",
    trade_count: 32,
  });
});

test("shows a bucket only once it is closed", async () => {
  const api = openTestApi({ database, policy: ANY_PRICE });
  const answers = [];
  for (const now of ["2026-01-10T12:00:19.999999Z", "2026-01-10T12:00:20Z"]) {
    api.at(now);
    const { to, trade_count } = (await api.get("/v1/twap?pair=XLM/USD")).body.data;
    answers.push([to, trade_count]);
  }
  expect(answers).toEqual([
    ["2026-01-10T12:00:00Z", 3],
    ["2026-01-10T12:00:15Z", 4],
  ]);
});
