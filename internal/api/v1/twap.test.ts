import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import type { TestDatabase } from "../../storage/database.testing.ts";
import { trade } from "../../storage/trades.testing.ts";
import { writeTrades } from "../../storage/trades.ts";
import { openApiDatabase, openTestApi } from "./api.testing.ts";

const XLM = parsePair("XLM/USD");

let database: TestDatabase;

beforeAll(async () => {
  database = await openApiDatabase();
  await writeTrades(database, [
    // 1 stands for 60 s, 2 for no time, 4 for 180 s.
    trade(XLM, "2026-01-10T11:56:00Z"),
    trade(XLM, "2026-01-10T11:57:00Z", { quote: "2", source: "binance" }),
    trade(parsePair("native/USD"), "2026-01-10T11:57:00Z", { quote: "4" }),
    trade(XLM, "2026-01-10T11:58:00Z", { quote: "100", source: "coingecko" }),
    trade(XLM, "2026-01-10T12:00:00Z", { quote: "1000" }),
  ]);
});

afterAll(() => database.drop());

test("weighs each price by how long it stood", async () => {
  const api = openTestApi({ database, policy: { min_usd_volume: 1e9 } });
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

test("answers about a window, a moment and a stretch of time", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T13:00:00Z");
  const priceOf = async (query: string) => (await api.get(`/v1/twap?pair=XLM/USD&${query}`)).body.data?.price;
  expect(await priceOf("at=2026-01-10T12:00:14Z&window=2m")).toBeUndefined();
  expect(await priceOf("at=2026-01-10T12:00:14Z&window=4m")).toBe("3.25");
  expect(await priceOf("from=2026-01-10T11:56:30Z&to=2026-01-10T11:57:30Z")).toBe("4");
  expect((await api.get("/v1/twap?pair=XLM/USD")).body.type).toBe("urn:stellarindex:problem:price-not-found");
});

test("shows a bucket only once it is closed", async () => {
  const api = openTestApi({ database });
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
