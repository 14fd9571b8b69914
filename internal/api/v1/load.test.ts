import { afterAll, beforeAll, expect, test } from "vitest";
import { openMemoryStore } from "../../cache/memory/store.ts";
import type { PriceStore } from "../../cache/store.ts";
import { parsePair } from "../../canonical/pair.ts";
import { requestShed, requestsInFlight, requestTimedOut } from "../../http/events.ts";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import type { Database } from "../../storage/connection/database.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { type Got, listenTo, openApiDatabase, openTestApi, type TestApi } from "./api.testing.ts";

const XLM = parsePair("XLM/USD");
const NOON = "2026-01-10T12:00:10Z";

let database: TestDatabase;
beforeAll(async () => {
  database = await openApiDatabase();
  const times = ["2026-01-10T11:50:00Z", "2026-01-10T11:58:00Z"];
  await writeTrades(
    database,
    times.map((time) => trade(XLM, time, { base: "10", quote: "5" })),
  );
});
afterAll(() => database.drop());

/** The database, with reads that wait until they are released. */
function slowDatabase(): { slow: Database; begun: () => number; release: (reads?: number) => void } {
  const held: (() => void)[] = [];
  let begun = 0;
  const run = async <T>(call: () => Promise<T>): Promise<T> => {
    begun++;
    await new Promise<void>((go) => held.push(go));
    return call();
  };
  return {
    slow: { ...database, breaker: { ...NO_CIRCUIT_BREAKER, run, runWithRetry: run } },
    begun: () => begun,
    release: (reads = held.length) => {
      for (const go of held.splice(0, reads)) go();
    },
  };
}

/** Distinct queries that each need a computation. */
function ask(api: TestApi, question: number): Promise<Got> {
  const from = `2026-01-10T11:${String(question).padStart(2, "0")}:00Z`;
  return api.get(`/v1/twap?pair=XLM/USD&from=${from}&to=2026-01-10T11:55:00Z`);
}

function settled(answers: readonly Promise<Got>[]): Promise<number[]> {
  return Promise.all(answers.map(async (answer) => (await answer).status));
}

test("beyond max_in_flight, requests that would wait are refused immediately, and local copies are still served", async () => {
  const { slow, begun, release } = slowDatabase();
  const api = openTestApi({ database: slow, settings: { maxInFlight: 2 } });
  api.at(NOON);
  const inFlight = listenTo(requestsInFlight);
  const shed = listenTo(requestShed);
  const waiting = [ask(api, 1), ask(api, 2)];
  await expect.poll(begun).toBe(2);
  for (const path of [
    "/v1/twap?pair=XLM/USD&from=2026-01-10T11:01:00Z&to=2026-01-10T11:55:00Z",
    "/v1/twap?pair=XLM/USD",
    "/v1/vwap?pair=XLM/USD",
    "/v1/price?pair=XLM/USD",
    "/v1/ohlc?pair=XLM/USD&interval=1m",
    "/v1/markets",
  ]) {
    const { status, headers, body } = await api.get(path);
    expect([path, status, body.type]).toEqual([path, 503, "urn:stellarindex:problem:overloaded"]);
    expect(headers.get("Retry-After")).toBe("1");
  }
  expect(shed.events).toHaveLength(6);
  for (const path of ["/v1/sources", "/v1/openapi.json", "/docs"]) expect((await api.get(path)).status).toBe(200);
  expect((await api.get("/v1/vwap?pair=x")).status).toBe(400);
  expect(begun()).toBe(2);
  expect(inFlight.events.at(-1)).toMatchObject({ count: 2 });

  release();
  expect(await settled(waiting)).toEqual([200, 200]);
  expect(inFlight.events.at(-1)).toMatchObject({ count: 0 });
  const next = ask(api, 3);
  await expect.poll(begun).toBe(3);
  release();
  expect((await next).status).toBe(200);
  inFlight.stop();
  shed.stop();
});

test("while the store is slow, requests beyond max_in_flight do not read it", async () => {
  let asked = 0;
  let answer = (): void => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const memory = openMemoryStore();
  const store: PriceStore = {
    ...memory,
    readWithTtl: async (keys) => {
      asked++;
      await answered;
      return memory.readWithTtl(keys);
    },
  };
  const api = openTestApi({ database, store, settings: { maxInFlight: 3 } });
  api.at(NOON);
  const waiting = [1, 2, 3].map(() => api.get("/v1/vwap?pair=XLM/USD"));
  const refused = await Promise.all(["XLM", "BTC"].map((base) => api.get(`/v1/vwap?pair=${base}/USD`)));
  expect(refused.map(({ status }) => status)).toEqual([503, 503]);
  expect(asked).toBeLessThanOrEqual(3);
  answer();
  // The store is empty: the admitted requests go on to compute although max_in_flight is reached.
  expect(await settled(waiting)).toEqual([200, 200, 200]);
});

test("the number of concurrent computations does not exceed the number of connections", async () => {
  const { slow, begun, release } = slowDatabase();
  const api = openTestApi({ database: slow, settings: { maxComputations: 3 } });
  api.at(NOON);
  const waiting = Array.from({ length: 20 }, (_, question) => ask(api, question));
  for (let through = 3; through < 20; through++) {
    await expect.poll(begun).toBe(through);
    release(1);
  }
  await expect.poll(begun).toBe(20);
  release();
  expect(new Set(await settled(waiting))).toEqual(new Set([200]));
});

test("a request that times out gets a problem; its work counts until it ends, and is cancelled if possible", async () => {
  const { slow, begun, release } = slowDatabase();
  const api = openTestApi({
    database: slow,
    settings: { maxInFlight: 3, maxComputations: 1, requestTimeoutSeconds: 0.05 },
  });
  api.at(NOON);
  const timedOut = listenTo(requestTimedOut);
  const inFlight = listenTo(requestsInFlight);
  const answers = await Promise.all([1, 2, 3].map((question) => ask(api, question)));
  for (const { status, headers, body } of answers) {
    expect([status, body.type]).toEqual([503, "urn:stellarindex:problem:timeout"]);
    expect(headers.get("Retry-After")).toBe("5");
  }
  expect(timedOut.events).toHaveLength(3);
  expect(inFlight.events.at(-1)).toMatchObject({ count: 3 });
  expect((await ask(api, 4)).body.type).toBe("urn:stellarindex:problem:overloaded");

  api.at("2026-01-10T12:00:11Z");
  release();
  await expect.poll(() => inFlight.events.at(-1)).toMatchObject({ count: 0 });
  expect(begun()).toBe(1);
  timedOut.stop();
  inFlight.stop();
});
