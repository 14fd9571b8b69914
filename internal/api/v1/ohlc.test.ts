import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { openApiDatabase, openTestApi } from "./api.testing.ts";

const XLM = parsePair("XLM/USD");
const NATIVE = parsePair("native/USD");

let database: TestDatabase;

beforeAll(async () => {
  database = await openApiDatabase();
  await writeTrades(database, [
    trade(XLM, "2026-01-10T09:59:59.999999Z", { base: "2", quote: "1" }),
    trade(XLM, "2026-01-10T10:00:00Z", { base: "3", quote: "1" }),
    trade(NATIVE, "2026-01-10T10:20:00Z", { base: "1", quote: "9", source: "sdex" }),
    trade(XLM, "2026-01-10T10:30:00Z", { base: "1", quote: "1000", source: "coingecko" }),
    trade(XLM, "2026-01-10T10:59:00Z", { base: "2", quote: "1" }),
    trade(XLM, "2026-01-10T12:00:30Z", { base: "1", quote: "4" }),
  ]);
});

afterAll(() => database.drop());

const ofNine = {
  from: "2026-01-10T09:00:00Z",
  to: "2026-01-10T10:00:00Z",
  ...{ open: "0.5", high: "0.5", low: "0.5", close: "0.5" },
  base_volume: "2",
  quote_volume: "1",
  trade_count: 1,
  vwap: "0.5",
};
const ofTen = {
  from: "2026-01-10T10:00:00Z",
  to: "2026-01-10T11:00:00Z",
  ...{ open: "0.333333333333333333", high: "9", low: "0.333333333333333333", close: "0.5" },
  base_volume: "6",
  quote_volume: "11",
  trade_count: 3,
  vwap: "1.83333333333333333",
};

test("shows the closed candles that have trades", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:30:00Z");
  const { status, body, headers } = await api.get("/v1/ohlc?pair=native/USD&interval=1h");
  expect(status).toBe(200);
  expect(headers.get("Cache-Control")).toBe("public, max-age=60");
  expect(body.flags).toEqual({ stale: false, triangulated: false, divergence_warning: false });
  const { candles, ...rest } = body.data;
  expect(rest).toEqual({ pair: "crypto:XLM/fiat:USD", interval_seconds: 3600, next: null, policy: api.policy.id });
  // The guard hides a price of 9 after one of 0.5, but its volume counts.
  expect(candles).toEqual([ofNine, { ...ofTen, high: "0.5", vwap: "0.4" }]);
  // No two of these three sources agree: the venue rule would keep only the one in the middle.
  const everyone = openTestApi({ database, policy: { disable_class_filter: true, venue_deviation_pct: 0 } });
  everyone.at("2026-01-10T12:30:00Z");
  const path = "/v1/ohlc?pair=XLM/USD&interval=1h&from=2026-01-10T10:00:00Z";
  expect((await everyone.get(path)).body.data.candles).toMatchObject([{ high: "0.5", trade_count: 4 }]);
  expect((await everyone.get(`${path}&filter=none`)).body.data.candles).toMatchObject([
    { high: "1000", trade_count: 4 },
  ]);
});

test("with filter=none, the prices come from every trade of the sources in VWAP", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:30:00Z");
  const { text, headers } = await api.get("/v1/ohlc?pair=native/USD&interval=1h&filter=none");
  const data = {
    pair: "crypto:XLM/fiat:USD",
    interval_seconds: 3600,
    candles: [ofNine, ofTen],
    next: null,
    policy: api.policy.id,
  };
  const flags = { stale: false, triangulated: false, divergence_warning: false };
  expect(text).toBe(JSON.stringify({ data, flags }));
  expect(headers.get("Cache-Control")).toBe("public, max-age=60");
  const off = openTestApi({
    database,
    policy: { guard_factor: 0, venue_deviation_pct: 0, outlier_sigma_threshold: 0 },
  });
  off.at("2026-01-10T12:30:00Z");
  expect((await off.get("/v1/ohlc?pair=native/USD&interval=1h")).body.data.candles).toEqual([ofNine, ofTen]);
});

test.each([
  ["1m", "2026-01-10T12:01:04.999999Z", "2026-01-10T12:01:05Z"],
  ["1h", "2026-01-10T13:00:04.999999Z", "2026-01-10T13:00:05Z"],
  ["1d", "2026-01-11T00:00:04.999999Z", "2026-01-11T00:00:05Z"],
])("a candle of %s is shown only once it is closed", async (interval, before, after) => {
  // The last price differs from those before, so that it can be recognized.
  const api = openTestApi({ database, policy: { guard_factor: 0 } });
  const ranges = ["", "&to=2030-01-01T00:00:00Z", "&from=2026-01-10T00:00:00Z&to=2026-01-11T00:00:00Z"];
  for (const query of ranges.flatMap((range) => [range, `${range}&filter=none`])) {
    const closes = [];
    for (const now of [before, after]) {
      api.at(now);
      const { body } = await api.get(`/v1/ohlc?pair=XLM/USD&interval=${interval}${query}`);
      closes.push(body.data.candles.at(-1)?.close);
    }
    expect([closes[0] === "4", closes[1]]).toEqual([false, "4"]);
  }
});

test.each([
  ["&filter=none", ["09:59", "10:00", "10:20", "10:59", "12:00"]],
  // Candles whose only price is not shown are left out, and so are pages of them.
  ["", ["09:59", "10:00", "10:59"]],
])("returns whole candles between from and to, in pages%s", async (filter, expected) => {
  const api = openTestApi({ database });
  api.at("2026-01-11T00:10:00Z");
  const query = "/v1/ohlc?pair=XLM/USD&interval=1m&from=2026-01-10T09:59:00Z&to=2026-01-10T12:01:00Z&limit=1";
  const starts = [];
  let pages = 0;
  let cursor = "";
  while (pages < 10) {
    const { data } = (await api.get(`${query}${cursor}${filter}`)).body;
    pages++;
    starts.push(...data.candles.map(({ from }: { from: string }) => from.slice(11, 16)));
    if (data.next === null) break;
    cursor = `&cursor=${data.next}`;
  }
  expect([starts, pages]).toEqual([expected, 5]);
  const inner = await api.get(
    `/v1/ohlc?pair=XLM/USD&interval=1m&from=2026-01-10T09:59:00.000001Z&to=2026-01-10T10:59:59Z${filter}`,
  );
  expect(inner.body.data.candles.map(({ from }: { from: string }) => from.slice(11, 16))).toEqual(
    expected.filter((start) => start > "09:59" && start < "10:59"),
  );
  expect(inner.headers.get("Cache-Control")).toBe("public, max-age=60");
});

test("a range without a whole closed candle is answered with an empty list", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:30:00Z");
  for (const times of [
    "from=2026-01-10T12:00:00Z",
    "from=2099-01-10T12:00:00Z",
    "from=2026-01-10T10:15:00Z&to=2026-01-10T10:45:00Z",
  ]) {
    const { status, body } = await api.get(`/v1/ohlc?pair=XLM/USD&interval=1h&${times}`);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ candles: [], next: null });
  }
});

test.each([
  ["", "interval", "is missing"],
  ["&interval=7m", "interval", "7m is no candle length"],
  ["&interval=30s", "interval", "is no candle length"],
  ["&interval=8d", "interval", "192h is no candle length"],
  ["&interval=1mo", "interval", "is not a duration"],
  ["&interval=1h&limit=0", "limit", "from 1 to 1000"],
  ["&interval=1h&limit=1001", "limit", "from 1 to 1000"],
  ["&interval=1h&limit=1e2", "limit", "from 1 to 1000"],
  ["&interval=1h&cursor=x", "cursor", "is not a time"],
  ["&interval=1h&filter=all", "filter", "must be none"],
  ["&interval=1h&filter=none&filter=none", "filter", "is given more than once"],
  ["&interval=1h&from=2026-01-10T12:00:00Z&to=2026-01-10T12:00:00Z", "from", "from is not before to"],
])("refuses %j", async (query, parameter, detail) => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:30:00Z");
  const { status, body } = await api.get(`/v1/ohlc?pair=XLM/USD${query}`);
  expect(status).toBe(400);
  expect(body.errors).toEqual([{ parameter, detail: expect.stringContaining(detail) }]);
});
