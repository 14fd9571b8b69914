import { afterAll, beforeAll, expect, test } from "vitest";
import { openMemoryStore } from "../../cache/memory.ts";
import type { PriceStore } from "../../cache/store.ts";
import { parsePair } from "../../canonical/pair.ts";
import { requestShed, requestsInFlight, requestTimedOut } from "../../obs/api-events.ts";
import { NO_GUARD } from "../../resilience/guard.ts";
import type { TestDatabase } from "../../storage/database.testing.ts";
import type { Database } from "../../storage/database.ts";
import { trade } from "../../storage/trades.testing.ts";
import { writeTrades } from "../../storage/trades.ts";
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

/** The database, in which reading waits until it is let go on. */
function slowDatabase(): { slow: Database; begun: () => number; letGo: (reads?: number) => void } {
  const held: (() => void)[] = [];
  let begun = 0;
  const run = async <T>(call: () => Promise<T>): Promise<T> => {
    begun++;
    await new Promise<void>((go) => held.push(go));
    return call();
  };
  return {
    slow: { ...database, guard: { ...NO_GUARD, run, runSafely: run } },
    begun: () => begun,
    letGo: (reads = held.length) => {
      for (const go of held.splice(0, reads)) go();
    },
  };
}

/** Distinct questions that each need a computation. */
function ask(api: TestApi, question: number): Promise<Got> {
  const from = `2026-01-10T11:${String(question).padStart(2, "0")}:00Z`;
  return api.get(`/v1/twap?pair=XLM/USD&from=${from}&to=2026-01-10T11:55:00Z`);
}

function settled(answers: readonly Promise<Got>[]): Promise<number[]> {
  return Promise.all(answers.map(async (answer) => (await answer).status));
}

test("past max_in_flight, what would wait is refused at once and begins nothing; what is at hand is answered", async () => {
  const { slow, begun, letGo } = slowDatabase();
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
  expect(inFlight.events.at(-1)).toEqual({ count: 2 });

  letGo();
  expect(await settled(waiting)).toEqual([200, 200]);
  expect(inFlight.events.at(-1)).toEqual({ count: 0 });
  const next = ask(api, 3);
  await expect.poll(begun).toBe(3);
  letGo();
  expect((await next).status).toBe(200);
  inFlight.stop();
  shed.stop();
});

test("while the store is slow, requests beyond max_in_flight do not ask it", async () => {
  let asked = 0;
  let answer = (): void => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const memory = openMemoryStore();
  const store: PriceStore = {
    ...memory,
    readHeld: async (keys) => {
      asked++;
      await answered;
      return memory.readHeld(keys);
    },
  };
  const api = openTestApi({ database, store, settings: { maxInFlight: 3 } });
  api.at(NOON);
  const waiting = [1, 2, 3].map(() => api.get("/v1/vwap?pair=XLM/USD"));
  const refused = await Promise.all(["XLM", "BTC"].map((base) => api.get(`/v1/vwap?pair=${base}/USD`)));
  expect(refused.map(({ status }) => status)).toEqual([503, 503]);
  expect(asked).toBeLessThanOrEqual(3);
  answer();
  // There is nothing in the store: those who were let in go on to compute, although there are as many as may be.
  expect(await settled(waiting)).toEqual([200, 200, 200]);
});

test("no more computations ask the database at once than there are connections", async () => {
  const { slow, begun, letGo } = slowDatabase();
  const api = openTestApi({ database: slow, settings: { maxComputations: 3 } });
  api.at(NOON);
  const waiting = Array.from({ length: 20 }, (_, question) => ask(api, question));
  for (let through = 3; through < 20; through++) {
    await expect.poll(begun).toBe(through);
    letGo(1);
  }
  await expect.poll(begun).toBe(20);
  letGo();
  expect(new Set(await settled(waiting))).toEqual(new Set([200]));
});

test("an answer that is not there in time is a problem; its work counts until it ends, and is dropped if it can be", async () => {
  const { slow, begun, letGo } = slowDatabase();
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
  expect(inFlight.events.at(-1)).toEqual({ count: 3 });
  expect((await ask(api, 4)).body.type).toBe("urn:stellarindex:problem:overloaded");

  api.at("2026-01-10T12:00:11Z");
  letGo();
  await expect.poll(() => inFlight.events.at(-1)).toEqual({ count: 0 });
  expect(begun()).toBe(1);
  timedOut.stop();
  inFlight.stop();
});
