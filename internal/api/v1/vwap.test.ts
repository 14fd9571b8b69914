import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore } from "../../cache/open-store.ts";
import { deleteTestKeys, testKeyPrefix, testRedisUrl } from "../../cache/redis/store.testing.ts";
import { parsePair } from "../../canonical/pair.ts";
import { parseTime } from "../../canonical/time.ts";
import { backendUnreachable } from "../../http/events.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { foreignPolicy, storedValueRefused } from "../events.ts";
import { listenTo, openApiDatabase, openTestApi } from "./api.testing.ts";

const XLM = parsePair("XLM/USD");
const NATIVE = parsePair("native/USD");
const OTHER = parsePair("ABC/USD");
const redisUrl = await testRedisUrl();

let database: TestDatabase;

beforeAll(async () => {
  database = await openApiDatabase();
  await writeTrades(database, [
    trade(XLM, "2026-01-10T11:56:00Z", { base: "10", quote: "5" }),
    trade(NATIVE, "2026-01-10T11:59:00Z", { base: "10", quote: "6", source: "sdex" }),
    trade(XLM, "2026-01-10T11:59:10Z", { base: "10", quote: "90", source: "coingecko" }),
    trade(OTHER, "2026-01-10T11:59:00Z", { base: "3", quote: "1" }),
    // The next bucket.
    trade(XLM, "2026-01-10T12:00:00Z", { base: "1000", quote: "9000" }),
    trade(OTHER, "2026-01-10T12:00:00Z", { base: "1000", quote: "9000" }),
  ]);
});

afterAll(() => database.drop());

test("serves a target's stored value byte for byte, by any of its names", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  const text = await api.publish(XLM, 300, "2026-01-10T12:00:00Z");
  for (const query of [
    "pair=XLM/USD",
    "pair=XLM%2FUSD&window=5m",
    "pair=crypto:XLM%2Ffiat:USD",
    "pair=native/fiat:USD",
    "base=native&quote=USD&window=300s",
  ]) {
    const { status, text: whole } = await api.get(`/v1/vwap?${query}`);
    expect({ status, whole }).toEqual({
      status: 200,
      whole: `{"data":${text},"flags":{"stale":false,"triangulated":false,"divergence_warning":false}}`,
    });
  }
  expect(JSON.parse(text)).toMatchObject({ price: "0.55", trade_count: 2, dropped: { class: 1, outlier: 0 } });
});

test("keeps unknown fields of a stored value, and flags a triangulated one", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  const text = (await api.publish(XLM, 300, "2026-01-10T12:00:00Z")).replace(/}$/, ',"provenance":"triangulated"}');
  await api.put(XLM, 300, text, "2026-01-10T12:00:00Z");
  const { text: whole } = await api.get("/v1/vwap?pair=XLM/USD");
  expect(whole).toBe(`{"data":${text},"flags":{"stale":false,"triangulated":true,"divergence_warning":false}}`);
});

test("computes other windows and missing values to the bytes that would be published", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  const missing = await api.get("/v1/vwap?pair=native/USD");
  const stored = await api.publish(XLM, 300, "2026-01-10T12:00:00Z");
  expect(missing.text).toContain(`{"data":${stored},`);
  const other = await api.get("/v1/vwap?pair=ABC/USD&window=45s");
  expect(other.status).toBe(404);
  const longer = await api.get("/v1/vwap?pair=ABC/USD&window=75s");
  expect(longer.body.data).toMatchObject({
    pair: "crypto:ABC/fiat:USD",
    price: "0.333333333333333333",
    window_seconds: 75,
  });
  expect(longer.body.flags).toEqual({ stale: false, triangulated: false, divergence_warning: false });
});

test.each([
  ["pair=XLM/USD", "0.55", "9000"],
  ["pair=ABC/USD", "0.333333333333333333", "9"],
  ["pair=ABC/USD&at=2026-01-10T12:00:15Z", "0.333333333333333333", "9"],
])("shows a bucket only once it is closed: %s", async (query, before) => {
  const api = openTestApi({ database });
  // The bucket that ends at 12:00:15 closes at 12:00:20.
  const answers = [];
  for (const now of ["2026-01-10T12:00:15Z", "2026-01-10T12:00:19.999999Z", "2026-01-10T12:00:20Z"]) {
    api.at(now);
    answers.push((await api.get(`/v1/vwap?${query}`)).body.data);
  }
  expect(answers.map(({ to }) => to)).toEqual(["2026-01-10T12:00:00Z", "2026-01-10T12:00:00Z", "2026-01-10T12:00:15Z"]);
  expect(answers.map(({ price }) => price === before)).toEqual([true, true, false]);
});

test("a stored value whose bucket is not closed by the API's clock is ignored", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:34.9Z");
  await api.publish(XLM, 300, "2026-01-10T12:00:30Z");
  const refused = listenTo(storedValueRefused);
  expect((await api.get("/v1/vwap?pair=XLM/USD")).body.data.to).toBe("2026-01-10T12:00:15Z");
  expect(refused.events).toMatchObject([
    { reason: "its bucket, which ends at 2026-01-10T12:00:30Z, is not closed yet" },
  ]);
  refused.stop();
  api.at("2026-01-10T12:00:35Z");
  expect((await api.get("/v1/vwap?pair=XLM/USD")).body.data.to).toBe("2026-01-10T12:00:30Z");
});

test("at selects the last closed grid point, and from and to select a bucket", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-11T00:00:00Z");
  const whole = (await api.get("/v1/vwap?pair=XLM/USD&at=2026-01-10T12:00:14.9Z")).body.data;
  expect(whole).toMatchObject({ from: "2026-01-10T11:55:00Z", to: "2026-01-10T12:00:00Z", price: "0.55" });
  const offset = await api.get("/v1/vwap?pair=XLM/USD&at=2026-01-10T14:00:14%2B02:00");
  expect(offset.body.data).toEqual(whole);
  const range = await api.get("/v1/vwap?pair=XLM/USD&from=2026-01-10T11:58:15Z&to=2026-01-10T12:00:00Z");
  expect(range.body.data).toMatchObject({ window_seconds: 105, price: "0.6", trade_count: 1 });
  expect(range.headers.get("Cache-Control")).toBe("public, max-age=60");
});

test("is flagged as stale if the aggregator is more than an interval late", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:05Z");
  await api.publish(XLM, 300, "2026-01-10T12:00:00Z");
  const flags = [];
  const ages = [];
  for (const now of ["12:00:05", "12:00:12.5", "12:01:04.999999", "12:01:05"]) {
    api.at(`2026-01-10T${now}Z`);
    const { body, headers } = await api.get("/v1/vwap?pair=XLM/USD");
    expect(body.data.to).toBe("2026-01-10T12:00:00Z");
    flags.push(body.flags.stale);
    ages.push(headers.get("Cache-Control"));
  }
  expect(flags).toEqual([false, false, false, true]);
  expect(ages).toEqual(["public, max-age=30", "public, max-age=22", "public, max-age=0", "public, max-age=0"]);
});

test("a withheld price is answered with the setting that withholds it", async () => {
  const floor = openTestApi({ database, policy: { min_usd_volume: 12 } });
  floor.at("2026-01-10T12:00:10Z");
  const below = await floor.get("/v1/vwap?pair=XLM/USD");
  expect(below.status).toBe(404);
  expect(below.headers.get("Content-Type")).toBe("application/problem+json");
  expect(below.body).toMatchObject({
    type: "urn:stellarindex:problem:price-withheld",
    status: 404,
    detail: expect.stringContaining("less than 12 USD, the floor ([aggregate] min_usd_volume)"),
  });

  const unknown = openTestApi({ database, policy: { min_usd_volume: 1, min_usd_volume_unknown: "refuse" } });
  unknown.at("2026-01-10T12:00:10Z");
  await writeTrades(database, [trade(parsePair("XLM/GHI"), "2026-01-10T11:59:00Z")]);
  const refused = await unknown.get("/v1/vwap?pair=XLM/GHI");
  expect(refused.body).toMatchObject({
    type: "urn:stellarindex:problem:price-withheld",
    detail: expect.stringContaining("min_usd_volume_unknown"),
  });

  const withMinSources = openTestApi({ database, policy: { min_sources: 3 } });
  withMinSources.at("2026-01-10T12:00:10Z");
  expect((await withMinSources.get("/v1/vwap?pair=XLM/USD")).body).toMatchObject({
    type: "urn:stellarindex:problem:price-withheld",
    detail: expect.stringContaining("come from fewer than 3 sources ([aggregate] min_sources)"),
  });

  // The prices in the minutes before are 0.5 and 0.6.
  const guarded = openTestApi({ database });
  guarded.at("2026-01-10T12:00:35Z");
  const jump = "/v1/vwap?pair=XLM/USD&from=2026-01-10T12:00:00Z&to=2026-01-10T12:00:30Z";
  expect((await guarded.get(jump)).body).toMatchObject({
    type: "urn:stellarindex:problem:price-withheld",
    status: 404,
    detail: expect.stringMatching(/\[aggregate\] guard_factor \(2\), .* guard_confirmations \(2\) sources/),
  });

  const nothing = await floor.get("/v1/vwap?pair=DEF/USD");
  expect(nothing.body).toMatchObject({ type: "urn:stellarindex:problem:price-not-found", status: 404 });
});

test("names the trades that do not count if there are no others", async () => {
  const api = openTestApi({ database, settings: { intervalSeconds: 15 } });
  api.at("2026-01-10T12:00:10Z");
  await writeTrades(database, [trade(OTHER, "2026-01-10T11:50:00Z", { source: "coingecko" })]);
  const none = await api.get("/v1/vwap?pair=ABC/USD&from=2026-01-10T11:50:00Z&to=2026-01-10T11:50:15Z");
  expect(none.body).toMatchObject({
    type: "urn:stellarindex:problem:price-not-found",
    detail: expect.stringContaining("1 from sources that are not in VWAP"),
  });
});

test("an invalid stored value is reported and computed instead", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  const text = await api.publish(XLM, 300, "2026-01-10T12:00:00Z");
  const refused = listenTo(storedValueRefused);
  for (const poison of ["nonsense", text.replace("0.55", "NaN"), text.replace("crypto:XLM", "crypto:BTC")]) {
    await api.put(XLM, 300, poison, "2026-01-10T12:00:00Z");
    expect((await api.get("/v1/vwap?pair=XLM/USD")).text).toContain(`{"data":${text},`);
  }
  expect(refused.events.map(({ key, reason }) => `${key}: ${reason}`)).toEqual([
    "vwap:crypto:XLM:fiat:USD:300: the stored value is not JSON",
    expect.stringContaining("price: is not a decimal"),
    expect.stringContaining("it belongs to crypto:BTC/fiat:USD, window 300 s"),
  ]);
  refused.stop();
});

test("a value of another policy is served, and reported once per policy", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  const text = (await api.publish(XLM, 300, "2026-01-10T12:00:00Z")).replace(api.policy.id, "0123456789ab");
  await api.put(XLM, 300, text, "2026-01-10T12:00:00Z");
  const foreign = listenTo(foreignPolicy);
  for (let asked = 0; asked < 3; asked++) {
    expect((await api.get("/v1/vwap?pair=XLM/USD")).text).toContain(`{"data":${text},`);
  }
  expect(foreign.events).toEqual([{ key: "vwap:crypto:XLM:fiat:USD:300", policy: "0123456789ab" }]);
  foreign.stop();
});

test("identical requests share one computation until the next bucket closes", async () => {
  let snapshots = 0;
  const sql = new Proxy(database.sql, {
    get: (target, name, receiver) => {
      if (name === "begin") snapshots++;
      return Reflect.get(target, name, receiver);
    },
  });
  const api = openTestApi({ database: { ...database, sql } });
  api.at("2026-01-10T12:00:10Z");
  const asked = await Promise.all(Array.from({ length: 10 }, () => api.get("/v1/vwap?pair=ABC/USD")));
  expect(new Set(asked.map(({ text }) => text)).size).toBe(1);
  api.at("2026-01-10T12:00:19Z");
  await api.get("/v1/vwap?base=ABC&quote=USD");
  expect(snapshots).toBe(1);
  api.at("2026-01-10T12:00:20Z");
  await api.get("/v1/vwap?pair=ABC/USD");
  expect(snapshots).toBe(2);
  const past = "/v1/vwap?pair=ABC/USD&at=2026-01-10T12:00:00Z";
  await Promise.all([api.get(past), api.get(past)]);
  expect(snapshots).toBe(3);
  await api.get(past);
  expect(snapshots).toBe(4);
});

test("a request for data that retention has removed is refused", async () => {
  const cut = await openApiDatabase();
  try {
    await cut.sql`UPDATE retention_horizons SET complete_from = '2026-01-10 11:59:00Z' WHERE table_name = 'trades'`;
    const api = openTestApi({ database: cut });
    api.at("2026-01-10T12:00:10Z");
    const { status, body } = await api.get("/v1/vwap?pair=XLM/USD&from=2026-01-10T11:58:45Z&to=2026-01-10T11:59:30Z");
    expect(status).toBe(410);
    expect(body).toMatchObject({ type: "urn:stellarindex:problem:raw-data-expired", status: 410 });
  } finally {
    await cut.drop();
  }
});

test.skipIf(redisUrl === null)("serves from Redis, and computes if Redis is down", async () => {
  const prefix = testKeyPrefix();
  const store = openStore({ url: redisUrl ?? "", key_prefix: prefix });
  const api = openTestApi({ database, store });
  api.at("2026-01-10T12:00:10Z");
  const text = await api.publish(XLM, 300, "2026-01-10T12:00:00Z");
  const tampered = text.replace("0.55", "0.56");
  await api.put(XLM, 300, tampered, "2026-01-10T12:00:00Z");
  expect((await api.get("/v1/vwap?pair=XLM/USD")).text).toContain(tampered);
  await store.close();
  await deleteTestKeys(redisUrl ?? "", prefix);
  const unreachable = listenTo(backendUnreachable);
  expect((await api.get("/v1/vwap?pair=XLM/USD")).text).toContain(text);
  expect(unreachable.events).toMatchObject([{ backend: "store" }]);
  unreachable.stop();
});

test("buckets that are not closed and times in the future are refused", async () => {
  // The price jumps at 12:00; the guard is not part of this test.
  const api = openTestApi({ database, policy: { guard_factor: 0 } });
  api.at("2026-01-10T12:00:31.5Z");
  const open = await api.get("/v1/vwap?pair=XLM/USD&from=2026-01-10T12:00:00Z&to=2026-01-10T12:00:30Z");
  expect(open.status).toBe(400);
  expect(open.body.type).toBe("urn:stellarindex:problem:bucket-not-closed");
  expect(open.headers.get("Retry-After")).toBe("4");
  api.at(parseTime("2026-01-10T12:00:31.5Z") + 4_000_000n);
  const closed = await api.get("/v1/vwap?pair=XLM/USD&from=2026-01-10T12:00:00Z&to=2026-01-10T12:00:30Z");
  expect(closed.status).toBe(200);
  for (const query of ["at=2026-01-10T12:00:36Z", "from=2026-01-10T12:00:00Z&to=2026-01-10T12:01:00Z"]) {
    const { status, body } = await api.get(`/v1/vwap?pair=XLM/USD&${query}`);
    expect({ status, type: body.type }).toEqual({ status: 400, type: "urn:stellarindex:problem:future-time" });
  }
});
