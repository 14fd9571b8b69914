import { afterAll, beforeAll, expect, test } from "vitest";
import type { Confidence } from "../../aggregate/confidence.ts";
import { type Divergence, serializeDivergence } from "../../cache/divergence.ts";
import { confidenceKey, divergenceKey } from "../../cache/keys.ts";
import { parsePair } from "../../canonical/pair.ts";
import { storedValueRefused } from "../../obs/api-events.ts";
import type { TestDatabase } from "../../storage/database.testing.ts";
import { trade } from "../../storage/trades.testing.ts";
import { writeTrades } from "../../storage/trades.ts";
import { listenTo, openApiDatabase, openTestApi } from "./api.testing.ts";

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

test("a stored value comes with how far it can be relied on, and its own bytes stay as they are", async () => {
  const { api, text, value, body } = await served(rated());
  const { confidence, factors } = JSON.parse(rated());
  expect(text).toContain(`{"data":${value},"flags":{"stale":false,"triangulated":false,"divergence_warning":false},`);
  expect(body.confidence).toEqual({ confidence, factors, agreement: { references: null } });
  // What a price is worth is told of published values alone.
  for (const path of ["vwap?pair=XLM/USD&window=10m", `vwap?pair=XLM/USD&at=${TO}`, "price?pair=XLM/USD"]) {
    expect((await api.get(`/v1/${path}`)).body).not.toHaveProperty("confidence");
  }
});

test("it names the weakest market on the way, and what references say", async () => {
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

test("one of another bucket or pair is left out, and one that cannot be read is reported", async () => {
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
  // Each time that it is set aside.
  const reasons = ["the stored value is not JSON", "confidence: is not a number from 0 to 1 with 4 decimals"];
  expect(refused.events).toEqual(
    reasons.flatMap((reason) =>
      Array.from({ length: 4 }, () => ({ key: KEY, reason: expect.stringContaining(reason) })),
    ),
  );
  refused.stop();
});
