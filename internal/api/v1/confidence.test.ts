import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Divergence, serializeDivergence } from "../../cache/divergence.ts";
import { confidenceKey, divergenceKey } from "../../cache/keys.ts";
import { openMemoryStore } from "../../cache/memory/store.ts";
import { parsePair } from "../../canonical/pair.ts";
import { parseTime } from "../../canonical/time.ts";
import { backendUnreachable } from "../../http/events.ts";
import type { Confidence } from "../../policy/confidence.ts";
import type { PolicySettings } from "../../policy/policy.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import type { Database } from "../../storage/connection/database.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import type { ApiSettings } from "../context.ts";
import { storedValueRefused } from "../events.ts";
import { listenTo, openApiDatabase, openTestApi, type TestApi, unreachableDatabase } from "./api.testing.ts";

const XLM = parsePair("XLM/USD");
const TO = "2026-01-10T12:00:00Z";
const KEY = confidenceKey(XLM, 300);

let database: TestDatabase;
beforeAll(async () => {
  database = await openApiDatabase();
  await writeTrades(database, [trade(XLM, "2026-01-10T11:56:00Z", { base: "10", quote: "5" })]);
});
afterAll(() => database.drop());

const rated = (details: Partial<Confidence> = {}): string =>
  JSON.stringify({
    pair: "crypto:XLM/fiat:USD",
    window_seconds: 300,
    from: "2026-01-10T11:55:00Z",
    to: TO,
    confidence: "0.4321",
    factors: {
      venues: { measured: "1", score: "0.5000" },
      concentration: { measured: "1.000000", score: "0.5000" },
      usd_volume: { measured: "5.00", score: "0.0005" },
      dispersion: null,
      age: { measured: "240.000000", score: "0.6000" },
      distance: null,
    },
    policy: "0123456789ab",
    ...details,
  });

async function served(confidence: string | null) {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  const value = await api.publish(XLM, 300, TO);
  if (confidence !== null) {
    await api.store.publish([{ key: KEY, value: confidence, to: TO, ttlSeconds: 300 }]);
  }
  return { api, value, ...(await api.get("/v1/vwap?pair=XLM/USD")) };
}

test("a stored value is served with its confidence, and its own bytes do not change", async () => {
  const { api, text, value, body } = await served(rated());
  const { confidence, factors } = JSON.parse(rated());
  expect(text).toContain(`{"data":${value},"flags":{"stale":false,"triangulated":false,"divergence_warning":false},`);
  expect(body.confidence).toEqual({ confidence, factors, agreement: { references: null, triangulated: null } });
  // Only published values have a confidence.
  for (const path of ["vwap?pair=XLM/USD&window=10m", `vwap?pair=XLM/USD&at=${TO}`, "price?pair=XLM/USD"]) {
    expect((await api.get(`/v1/${path}`)).body).not.toHaveProperty("confidence");
  }
});

test("the confidence names the weakest leg of the route, and the references' prices", async () => {
  const { api } = await served(rated({ weakest_leg: "crypto:XLM/fiat:EUR" }));
  const divergence: Divergence = {
    pair: "crypto:XLM/fiat:USD",
    price: "0.5",
    to: TO,
    checked: true,
    median: "0.495",
    deviation_pct: "-1",
    threshold_pct: "5",
    warning: false,
    references: [],
  };
  await api.store.put(divergenceKey(XLM), serializeDivergence(divergence), 300);
  const { body } = await api.get("/v1/vwap?pair=XLM/USD");
  expect(body.confidence).toMatchObject({
    confidence: "0.4321",
    weakest_leg: "crypto:XLM/fiat:EUR",
    agreement: { references: { measured: "-1", score: "0.3679" } },
  });
});

describe("the agreement with the price of the route", () => {
  const PAIR = parsePair("AGREE/USD");
  const PATH = "/v1/vwap?pair=AGREE/USD";
  beforeAll(() =>
    writeTrades(database, [
      trade(PAIR, "2026-01-10T11:56:00Z", { base: "10", quote: "5" }),
      trade(parsePair("AGREE/OTHER"), "2026-01-10T11:57:00Z", { base: "10", quote: "20" }),
      trade(parsePair("OTHER/USD"), "2026-01-10T11:58:00Z", { base: "20", quote: "5.2" }),
    ]),
  );

  /** An API with a value and its confidence in the store, and the database that it queries. */
  async function rate(
    asked: Database = database,
    settings: Partial<ApiSettings> = {},
    policy: Partial<PolicySettings> = {},
  ) {
    const store = openMemoryStore(() => parseTime("2026-01-10T12:00:10Z"));
    const options = { store, policy, settings: { pairs: [PAIR], ...settings } };
    const publisher = openTestApi({ database, ...options });
    const text = await publisher.publish(PAIR, 300, TO);
    const [key, value] = [confidenceKey(PAIR, 300), rated({ pair: "crypto:AGREE/fiat:USD" })];
    await store.publish([{ key, value, to: TO, ttlSeconds: 300 }]);
    const api = openTestApi({ database: asked, ...options });
    api.at("2026-01-10T12:00:10Z");
    return { api, text };
  }
  const shown = async ({ get }: TestApi) => {
    const { status, body } = await get(PATH);
    return [status, body.data?.price, body.confidence?.agreement.triangulated];
  };

  test("is computed once for the value's own bucket, and does not change the value", async () => {
    let asked = 0;
    const counting = guarded((run) => {
      asked++;
      return run();
    });
    const { api, text } = await rate(counting);
    // The route through OTHER gives 0.52; the market itself has 0.5.
    const agreement = { measured: "4", score: "0.0183" };
    // On a busy machine the first answer may come before the computation ends.
    await expect.poll(() => shown(api)).toEqual([200, "0.5", agreement]);
    const first = await api.get(PATH);
    expect(first.body.confidence.agreement).toEqual({ references: null, triangulated: agreement });
    expect(first.text).toContain(`{"data":${text},"flags":{"stale":false,"triangulated":false,`);
    expect(first.body.confidence.confidence).toBe("0.4321");
    for (let again = 0; again < 3; again++) expect((await api.get(PATH)).text).toBe(first.text);
    expect(asked).toBe(1);
  });

  test.each<Partial<PolicySettings>>([{ triangulation_enabled: false }, { max_hops: 1 }])(
    "is unknown without a route: %j",
    async (policy) => {
      const { api } = await rate(database, {}, policy);
      expect(await shown(api)).toEqual([200, "0.5", null]);
    },
  );

  test("is unknown if the computation fails, which is logged once", async () => {
    const unreachable = listenTo(backendUnreachable);
    const { api } = await rate(unreachableDatabase());
    for (let again = 0; again < 3; again++) expect(await shown(api)).toEqual([200, "0.5", null]);
    expect(unreachable.events).toEqual([{ server: "api", backend: "database", error: expect.anything() }]);
    unreachable.stop();
  });

  test("delays answers only briefly, and is included once it has been computed", async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { api } = await rate(guarded((run) => gate.then(run)));
    for (let again = 0; again < 3; again++) expect(await shown(api)).toEqual([200, "0.5", null]);
    release();
    await expect.poll(() => shown(api)).toEqual([200, "0.5", { measured: "4", score: "0.0183" }]);
  });

  test("is left out if no more computations are admitted", async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { api } = await rate(
      guarded((run) => gate.then(run)),
      { maxInFlight: 1 },
    );
    // The local copy of the stored value exists from the first request on.
    expect((await api.get("/v1/price?pair=AGREE/USD")).status).toBe(200);
    const waiting = api.get("/v1/twap?pair=AGREE/USD");
    expect((await api.get("/v1/twap?pair=XLM/USD")).status).toBe(503);
    expect(await shown(api)).toEqual([200, "0.5", null]);
    release();
    expect((await waiting).status).toBe(200);
    await expect.poll(() => shown(api)).toEqual([200, "0.5", { measured: "4", score: "0.0183" }]);
  });

  function guarded(around: <T>(run: () => Promise<T>) => Promise<T>): Database {
    const { breaker } = database;
    return {
      ...database,
      breaker: {
        ...breaker,
        run: (call) => around(() => breaker.run(call)),
        runWithRetry: (call, ...others) => around(() => breaker.runWithRetry(call, ...others)),
      },
    };
  }
});

test("a confidence of another bucket or pair is left out, and an unreadable one is reported", async () => {
  for (const other of [null, rated({ to: "2026-01-10T11:59:30Z" }), rated({ pair: "crypto:BTC/fiat:USD" })]) {
    const { status, body } = await served(other);
    expect(status).toBe(200);
    expect(body).not.toHaveProperty("confidence");
  }
  const refused = listenTo(storedValueRefused);
  for (const poison of ["nonsense", rated({ confidence: "1.5" })]) {
    const { api, status, body } = await served(poison);
    expect(status).toBe(200);
    expect(body.data.price).toBe("0.5");
    expect(body).not.toHaveProperty("confidence");
    for (let again = 0; again < 3; again++) {
      expect((await api.get("/v1/vwap?pair=XLM/USD")).body).toEqual(body);
    }
  }
  // It is reported each time that it is ignored.
  const reasons = ["the stored value is not JSON", "confidence: is not a number from 0 to 1 with 4 decimals"];
  expect(refused.events).toEqual(
    reasons.flatMap((reason) =>
      Array.from({ length: 4 }, () => ({ key: KEY, reason: expect.stringContaining(reason) })),
    ),
  );
  refused.stop();
});
