import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Divergence, serializeDivergence } from "../../cache/divergence.ts";
import { divergenceKey } from "../../cache/keys.ts";
import { openMemoryStore } from "../../cache/memory/store.ts";
import { formatPair, type Pair, parsePair } from "../../canonical/pair.ts";
import { backendUnreachable } from "../../http/events.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { storedValueRefused } from "../events.ts";
import { listenTo, openApiDatabase, openTestApi, type TestApi } from "./api.testing.ts";

const XLM = parsePair("XLM/USD");
const BTC = parsePair("BTC/USD");
const OTHER = parsePair("ABC/USD");
const TO = "2026-01-10T12:00:00Z";
const CURRENT = ["/v1/vwap?pair=XLM/USD", "/v1/price?pair=XLM/USD"];

let database: TestDatabase;

beforeAll(async () => {
  database = await openApiDatabase();
  await writeTrades(database, [
    trade(XLM, "2026-01-10T11:59:00Z", { base: "10", quote: "5" }),
    trade(OTHER, "2026-01-10T11:59:00Z", { base: "10", quote: "5" }),
    trade(BTC, "2026-01-10T11:30:00Z", { base: "1", quote: "70000" }),
  ]);
});

afterAll(() => database.drop());

function divergence(pair: Pair, changes: Partial<Divergence> = {}): Divergence {
  return {
    pair: formatPair(pair),
    price: "0.5",
    to: TO,
    checked: true,
    median: "0.4",
    deviation_pct: "-20",
    threshold_pct: "5",
    warning: true,
    references: [
      { reference: "chainlink", price: "0.4", as_of: "2026-01-10T11:59:30.5Z" },
      { reference: "coingecko", price: "0.4", as_of: "2026-01-10T11:59:30Z" },
    ],
    ...changes,
  };
}

const FINE = { median: "0.5", deviation_pct: "0", warning: false };
const UNCHECKED = { checked: false, median: null, deviation_pct: null, warning: false, references: [] };

/** Stores the result of a check as the aggregator does, and returns the stored text. */
async function keep({ store }: TestApi, pair: Pair, changes: Partial<Divergence> = {}, ttl = 300): Promise<string> {
  const text = serializeDivergence(divergence(pair, changes));
  await store.put(divergenceKey(pair), text, ttl);
  return text;
}

/** An API ten seconds after the end of a bucket whose XLM value is published. */
async function openAfterPublishing(): Promise<{ api: TestApi; published: string }> {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  return { api, published: await api.publish(XLM, 300, TO) };
}

describe("a current answer", () => {
  test.each<[string, Partial<Divergence>, boolean]>([
    ["a warning", {}, true],
    ["a check without a finding", FINE, false],
    ["no check", UNCHECKED, false],
  ])("includes the divergence: %s", async (_name, changes, warning) => {
    const { api, published } = await openAfterPublishing();
    const kept = await keep(api, XLM, changes);
    const flags = `"flags":{"stale":false,"triangulated":false,"divergence_warning":${warning}}`;
    const { text } = await api.get("/v1/vwap?pair=XLM/USD");
    expect(text).toBe(`{"data":${published},${flags},"divergence":${kept}}`);
    const price = await api.get("/v1/price?pair=native/USD");
    expect(price.body.data).toMatchObject({ price: "0.5", price_type: "vwap" });
    expect(price.text).toBe(`{"data":${JSON.stringify(price.body.data)},${flags},"divergence":${kept}}`);
  });

  test.each([
    ["/v1/vwap?pair=native/USD&window=5m", XLM],
    ["/v1/vwap?base=native&quote=USD&window=24h", XLM],
    ["/v1/vwap?pair=XLM/USD&window=75s", XLM],
    ["/v1/vwap?pair=BTC/USD&window=1h", BTC],
  ])("includes the divergence if the price is computed on demand: %s", async (path, pair) => {
    const api = openTestApi({ database });
    api.at("2026-01-10T12:00:10Z");
    const without = await api.get(path);
    expect(without.body).toMatchObject({ flags: { divergence_warning: false } });
    expect(without.body).not.toHaveProperty("divergence");
    await keep(api, pair);
    const { status, body } = await api.get(path);
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        ...without.body,
        flags: { ...without.body.flags, divergence_warning: true },
        divergence: divergence(pair),
      },
    });
  });

  test("includes the divergence if the price is a last trade", async () => {
    const api = openTestApi({ database });
    api.at("2026-01-10T12:00:10Z");
    await keep(api, BTC);
    expect((await api.get("/v1/price?pair=BTC/USD")).body).toMatchObject({
      data: { price: "70000", price_type: "last_trade" },
      flags: { stale: true, divergence_warning: true },
      divergence: { pair: "crypto:BTC/fiat:USD", warning: true },
    });
  });

  test("has no divergence once the result has expired", async () => {
    const { api } = await openAfterPublishing();
    await keep(api, XLM, {}, 10);
    const warnings = [];
    for (const now of ["2026-01-10T12:00:19Z", "2026-01-10T12:00:20Z"]) {
      api.at(now);
      for (const path of CURRENT) warnings.push((await api.get(path)).body.flags.divergence_warning);
    }
    expect(warnings).toEqual([true, true, false, false]);
  });

  test("omits unknown fields of the stored result", async () => {
    const { api } = await openAfterPublishing();
    const kept = await keep(api, XLM);
    await api.store.put(divergenceKey(XLM), kept.replace("{", '{"colour":"blue",'), 300);
    for (const path of CURRENT) expect((await api.get(path)).text).toContain(`,"divergence":${kept}}`);
  });

  test("works without a store, and has no divergence", async () => {
    const store = openMemoryStore();
    await store.close();
    const api = openTestApi({ database, store });
    api.at("2026-01-10T12:00:10Z");
    const unreachable = listenTo(backendUnreachable);
    for (const path of CURRENT) {
      const { status, body } = await api.get(path);
      expect({ status, keys: Object.keys(body) }).toEqual({ status: 200, keys: ["data", "flags"] });
    }
    // The store is read once for both the value and the check.
    expect(unreachable.events.map(({ backend }) => backend)).toEqual(["store", "store"]);
    unreachable.stop();
  });
});

test.each([
  ["for a past time", "/v1/vwap?pair=XLM/USD&at=2026-01-10T12:00:00Z"],
  ["for a range", "/v1/vwap?pair=XLM/USD&from=2026-01-10T11:55:00Z&to=2026-01-10T12:00:00Z"],
  ["for a pair that is not configured", "/v1/vwap?pair=ABC/USD"],
  ["for the price of a pair that is not configured", "/v1/price?pair=ABC/USD"],
  ["for another endpoint", "/v1/twap?pair=XLM/USD"],
  ["for candles", "/v1/ohlc?pair=XLM/USD&interval=1h"],
])("an answer %s has no divergence", async (_name, path) => {
  const { api } = await openAfterPublishing();
  for (const pair of [XLM, OTHER]) await keep(api, pair);
  const { status, body } = await api.get(path);
  expect(status).toBe(200);
  expect(body).not.toHaveProperty("divergence");
  expect(body.flags.divergence_warning).toBe(false);
});

test.each<[string, (text: string) => string, string]>([
  ["no JSON", () => "nonsense", "the stored value is not JSON"],
  ["null", () => "null", "the stored value is not the outcome of a check: the whole: "],
  ["with a field of another type", (text) => text.replace('"checked":true', '"checked":"yes"'), "checked: "],
  ["with an invalid median", (text) => text.replace('"0.4"', '"NaN"'), "median: is not a decimal"],
  ["with markup", (text) => text.replace('"-20"', '"<b>20</b>"'), "deviation_pct: is not a percentage"],
  ["with an invalid time", (text) => text.replace("11:59:30.5Z", "25:59:30Z"), "references.0.as_of: is not a time"],
  ["a warning without a check", (text) => text.replace('"checked":true', '"checked":false'), "the whole: "],
  [
    "a check without a finding",
    (text) => text.replace('"median":"0.4","deviation_pct":"-20"', '"median":null,"deviation_pct":null'),
    "the whole: ",
  ],
])("a stored result that is invalid, %s, is ignored and reported", async (_name, poison, reason) => {
  const { api } = await openAfterPublishing();
  const unharmed = await Promise.all(CURRENT.map((path) => api.get(path)));
  const kept = serializeDivergence(divergence(XLM));
  expect(poison(kept)).not.toBe(kept);
  await api.store.put(divergenceKey(XLM), poison(kept), 300);
  const refused = listenTo(storedValueRefused);
  const answers = await Promise.all(CURRENT.map((path) => api.get(path)));
  expect(answers.map(({ status, text }) => ({ status, text }))).toEqual(
    unharmed.map(({ text }) => ({ status: 200, text })),
  );
  expect(refused.events).toEqual(
    CURRENT.map(() => ({ key: "div:crypto:XLM:fiat:USD", reason: expect.stringContaining(reason) })),
  );
  refused.stop();
});

test("an invalid stored value does not affect the divergence, and vice versa", async () => {
  const { api } = await openAfterPublishing();
  const kept = await keep(api, XLM);
  await api.put(XLM, 300, "nonsense", TO);
  const refused = listenTo(storedValueRefused);
  const { status, text } = await api.get("/v1/vwap?pair=XLM/USD");
  expect(status).toBe(200);
  expect(text).toContain(`,"divergence":${kept}}`);
  expect(refused.events.map(({ key }) => key)).toEqual(["vwap:crypto:XLM:fiat:USD:300"]);
  refused.stop();
});

test.each(CURRENT)("a new warning changes the ETag: %s", async (path) => {
  const { api } = await openAfterPublishing();
  const tags: string[] = [];
  for (const changes of [FINE, {}, UNCHECKED]) {
    await keep(api, XLM, changes);
    const last = tags.at(-1) ?? '"none"';
    const { status, headers } = await api.get(path, { headers: { "If-None-Match": last } });
    expect(status).toBe(200);
    const tag = headers.get("ETag") ?? "";
    expect((await api.get(path, { headers: { "If-None-Match": tag } })).status).toBe(304);
    tags.push(tag);
  }
  expect(new Set(tags).size).toBe(3);
});

test("the divergence is documented in OpenAPI", async () => {
  const { body } = await openTestApi({ database }).get("/v1/openapi.json");
  for (const path of ["/v1/vwap", "/v1/price"]) {
    const { schema } = body.paths[path].get.responses["200"].content["application/json"];
    expect(schema.required).toEqual(["data", "flags"]);
    expect(schema.properties.divergence).toMatchObject({
      type: "object",
      required: Object.keys(divergence(XLM)),
      properties: {
        checked: { type: "boolean" },
        warning: { type: "boolean" },
        median: { type: ["string", "null"] },
        deviation_pct: { type: ["string", "null"] },
        references: { type: "array", items: { required: ["reference", "price", "as_of"] } },
      },
    });
  }
  expect(body.components.schemas.Flags.properties.divergence_warning).toMatchObject({
    type: "boolean",
    description: expect.stringContaining("divergence"),
  });
});
