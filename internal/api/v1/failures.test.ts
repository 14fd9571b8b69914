import { afterAll, beforeAll, expect, test } from "vitest";
import { openMemoryStore } from "../../cache/memory/store.ts";
import { parsePair } from "../../canonical/pair.ts";
import { backendUnreachable, requestDone, requestFailed } from "../../http/events.ts";
import { listen } from "../../http/server.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { listenTo, openApiDatabase, openTestApi, unreachableDatabase } from "./api.testing.ts";

const XLM = parsePair("XLM/USD");

let database: TestDatabase;

beforeAll(async () => {
  database = await openApiDatabase();
  await writeTrades(database, [trade(XLM, "2026-01-10T11:59:00Z", { base: "10", quote: "5" })]);
});

afterAll(() => database.drop());

test.each<[query: string, errors: Record<string, string>]>([
  ["", { pair: "is missing; write pair=XLM/USD" }],
  ["pair=XLM", { pair: 'pair "XLM" is not base/quote' }],
  ["pair=XLM/USD/EUR", { pair: "is not base/quote" }],
  ["pair=XLM/XLM", { pair: "has one asset on both sides" }],
  ["pair=native/XLM", { pair: "has one asset on both sides, by two of its names" }],
  ["pair=fiat:XYZ/USD", { pair: "is not on the ISO 4217 list" }],
  ["pair=XLM%/USD", { pair: "asset" }],
  ["pair=XLM/USD&pair=BTC/USD", { pair: "is given more than once" }],
  ["pair=XLM/USD&base=XLM", { pair: "use pair, or base and quote, not both" }],
  ["base=XLM", { pair: "is missing" }],
  ["pair=XLM/USD&windw=5m", { windw: "is not a parameter of this endpoint" }],
  ["pari=XLM/USD&window=x", { pari: "is not a parameter", pair: "is missing", window: '"x" is not a duration' }],
  ["pair=XLM/USD&window=20s", { window: "a window must be a multiple of 15 s" }],
  ["pair=XLM/USD&window=15s", { window: "at least 30 s" }],
  ["pair=XLM/USD&window=0", { window: "at least 30 s" }],
  ["pair=XLM/USD&window=", { window: "is not a duration" }],
  ["pair=XLM/USD&window=30.5s", { window: "a window must be a multiple of 15 s" }],
  ["pair=XLM/USD&window=745h", { window: "at most 31 days" }],
  ["pair=XLM/USD&window=9999999999999999999h", { window: "a window must be" }],
  ["pair=XLM/USD&at=yesterday", { at: "is not a time with a zone" }],
  ["pair=XLM/USD&at=2026-01-10T12:00:00+01:00", { at: "%2B" }],
  ["pair=XLM/USD&at=1969-12-31T23:59:59Z", { at: "is before 1970" }],
  ["pair=XLM/USD&from=2026-01-10T11:00:00Z", { from: "from and to must be given together" }],
  ["pair=XLM/USD&from=2026-01-10T11:00:00Z&to=2026-01-10T10:00:00Z", { from: "from is not before to" }],
  ["pair=XLM/USD&from=2026-01-10T11:00:01Z&to=2026-01-10T11:30:00Z", { from: "from is not a multiple of" }],
  ["pair=XLM/USD&from=2026-01-10T11:00:00Z&to=2026-01-10T11:00:15Z", { from: "at least 30 s" }],
  ["pair=XLM/USD&from=2025-01-10T11:00:00Z&to=2026-01-10T11:00:15Z", { from: "at most 31 days" }],
  ["pair=XLM/USD&window=5m&from=2026-01-10T10:00:00Z&to=2026-01-10T11:00:00Z", { from: "not both" }],
  ["pair=XLM/USD&at=x&from=y&to=z", { at: "is not a time", from: "is not a time", to: "is not a time" }],
])("an invalid query is refused with all problems: %s", async (query, expected) => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  for (const path of ["/v1/vwap", "/v1/twap"]) {
    const { status, headers, body } = await api.get(`${path}?${query}`);
    expect(status).toBe(400);
    expect(headers.get("Content-Type")).toBe("application/problem+json");
    expect(body).toMatchObject({ type: "urn:stellarindex:problem:invalid-query", status: 400 });
    const errors = Object.fromEntries(
      body.errors.map(({ parameter, detail }: { parameter: string; detail: string }) => [parameter, detail]),
    );
    for (const [parameter, detail] of Object.entries(expected)) expect(errors[parameter]).toContain(detail);
    expect(Object.keys(errors).sort()).toEqual(Object.keys(expected).sort());
    for (const parameter of Object.keys(expected)) expect(body.detail).toContain(parameter);
  }
});

test.each(["/v1/price", "/v1/ohlc", "/v1/sources", "/v1/markets"])(
  "%s refuses unknown parameters by name",
  async (path) => {
    const api = openTestApi({ database });
    const { status, body } = await api.get(`${path}?__proto__=1&limt=1&limt=2`);
    expect(status).toBe(400);
    expect(body.errors.map(({ parameter }: { parameter: string }) => parameter)).toEqual(
      expect.arrayContaining(["__proto__", "limt"]),
    );
  },
);

test("an unknown path and a wrong method are answered with a problem", async () => {
  const api = openTestApi({ database });
  for (const path of ["/v1/vwapp", "/v1", "/v2/vwap?pair=XLM/USD", "/docs/package.json", "/docs/../package.json"]) {
    const { status, body, headers } = await api.get(path);
    expect({ status, type: body.type }).toEqual({ status: 404, type: "urn:stellarindex:problem:route-not-found" });
    expect(headers.get("Content-Type")).toBe("application/problem+json");
  }
  for (const method of ["POST", "DELETE", "OPTIONS"]) {
    const { status, body, headers } = await api.get("/v1/vwap?pair=XLM/USD", { method });
    expect({ status, type: body.type }).toEqual({ status: 405, type: "urn:stellarindex:problem:method-not-allowed" });
    expect(headers.get("Allow")).toBe("GET, HEAD");
  }
});

test("an answer has a strong ETag, and a matching If-None-Match gets 304", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  for (const path of ["/v1/vwap?pair=XLM/USD", "/v1/sources", "/v1/openapi.json", "/docs"]) {
    const { headers, text } = await api.get(path);
    const etag = headers.get("ETag") ?? "";
    expect(etag).toMatch(/^"[0-9a-f]+"$/);
    for (const tag of [etag, `"other", W/${etag}`, "*"]) {
      const again = await api.get(path, { headers: { "If-None-Match": tag } });
      expect({ status: again.status, text: again.text }).toEqual({ status: 304, text: "" });
      expect(again.headers.get("Cache-Control")).toBe(headers.get("Cache-Control"));
      expect(again.headers.get("ETag")).toBe(etag);
    }
    const other = await api.get(path, { headers: { "If-None-Match": '"other"' } });
    expect(other.text).toBe(text);
    const head = await api.get(path, { method: "HEAD" });
    expect({ status: head.status, text: head.text, etag: head.headers.get("ETag") }).toEqual({
      status: 200,
      text: "",
      etag,
    });
  }
  const first = await api.get("/v1/twap?pair=XLM/USD");
  api.at("2026-01-10T12:00:20Z");
  const second = await api.get("/v1/twap?pair=XLM/USD");
  expect(second.headers.get("ETag")).not.toBe(first.headers.get("ETag"));
});

test("without a database, stored values are served; without both, the answer is 503", async () => {
  const gone = unreachableDatabase();
  const here = openTestApi({ database });
  here.at("2026-01-10T12:00:10Z");
  const text = await here.publish(XLM, 300, "2026-01-10T12:00:00Z");
  const stored = openTestApi({ database: gone, store: here.store });
  stored.at("2026-01-10T12:00:10Z");
  expect((await stored.get("/v1/vwap?pair=XLM/USD")).text).toContain(text);
  expect((await stored.get("/v1/sources")).status).toBe(200);

  const closed = openMemoryStore();
  await closed.close();
  const nothing = openTestApi({ database: gone, store: closed });
  nothing.at("2026-01-10T12:00:10Z");
  const unreachable = listenTo(backendUnreachable);
  for (const path of ["/v1/vwap?pair=XLM/USD", "/v1/price?pair=XLM/USD"]) {
    const { status, body, headers } = await nothing.get(path);
    expect({ status, type: body.type }).toEqual({ status: 503, type: "urn:stellarindex:problem:unavailable" });
    expect(headers.get("Retry-After")).toBe("5");
  }
  expect(unreachable.events.map(({ backend }) => backend)).toEqual(["store", "database", "store", "database"]);
  unreachable.stop();
  for (const path of ["/v1/twap?pair=XLM/USD", "/v1/ohlc?pair=XLM/USD&interval=1h", "/v1/markets"]) {
    expect((await nothing.get(path)).status).toBe(503);
  }
  await gone.close();
});

test("an unexpected error is reported without details in the answer", async () => {
  const broken = await openApiDatabase();
  try {
    await broken.sql`DROP TABLE trades_1m CASCADE`;
    const api = openTestApi({ database: broken });
    api.at("2026-01-10T12:00:10Z");
    const failed = listenTo(requestFailed);
    const { status, text, body } = await api.get("/v1/vwap?pair=XLM/USD");
    expect(status).toBe(500);
    expect(body.type).toBe("urn:stellarindex:problem:internal-error");
    expect(text).not.toMatch(/trades|SELECT|relation|\.ts/);
    expect(failed.events).toMatchObject([
      { route: "/v1/vwap", error: { message: expect.stringContaining("trades_1m") } },
    ]);
    failed.stop();
  } finally {
    await broken.drop();
  }
});

test("every request publishes an event with its route only", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  const done = listenTo(requestDone);
  await api.get("/v1/vwap?pair=XLM/USD");
  await api.get("/v1/vwap?pair=x");
  await api.get("/v1/unknown");
  await api.get("/v1/price?pair=XLM/USD", { method: "POST" });
  await api.get("/docs", { method: "HEAD" });
  expect(done.events.map(({ route, method, status }) => `${method} ${route} ${status}`)).toEqual([
    "GET /v1/vwap 200",
    "GET /v1/vwap 400",
    "GET unmatched 404",
    "POST unmatched 405",
    "HEAD /docs 200",
  ]);
  done.stop();
});

test("the API answers over a socket", async () => {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  const { port, close } = await listen(api.app, { host: "127.0.0.1", port: 0 });
  try {
    const url = `http://127.0.0.1:${port}/v1/vwap?pair=crypto:XLM/fiat:USD`;
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe((await api.get("/v1/vwap?pair=XLM/USD")).text);
    expect((await fetch(url, { headers: { "If-None-Match": response.headers.get("ETag") ?? "" } })).status).toBe(304);
    expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/`, { redirect: "manual" })).headers.get("Location")).toBe("docs");
    expect((await fetch(url, { method: "PUT", body: "{}" })).status).toBe(405);
  } finally {
    await close();
  }
});

test("an API whose clock is ahead does not answer for a bucket that is still open by the database's clock", async () => {
  const api = openTestApi({ database });
  api.at("2999-01-10T12:00:10Z");
  const unreachable = listenTo(backendUnreachable);
  for (const path of ["/v1/vwap", "/v1/twap", "/v1/price"]) {
    const { status, headers, body } = await api.get(`${path}?pair=XLM/USD`);
    expect([path, status, headers.get("Retry-After")]).toEqual([path, 503, "5"]);
    expect(body.detail).toContain("the clocks of the API and the database differ");
  }
  unreachable.stop();
  expect(unreachable.events[0]?.error.message).toContain("has not ended by the database's clock");
});
