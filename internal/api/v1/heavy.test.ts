import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ServedTestApi, serveTestApi } from "../../http/served.testing.ts";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import { openApiDatabase } from "./api.testing.ts";

/** More rows than a light query may read. */
const TRADES = 60_000;
/** Many answers take long on a busy machine. */
const PATIENTLY = { timeout: 20_000 };

let database: TestDatabase;
let api: ServedTestApi;
/** Reads that have finished but are held back while `isHolding`, so that each keeps its slot. */
let held: (() => void)[];
let isHolding: boolean;
let asked: number;

beforeAll(async () => {
  database = await openApiDatabase();
  await database.sql`
    INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
    SELECT 'crypto:XLM', 'fiat:USD', '2026-01-09T12:00:00Z'::timestamptz + n * interval '1.4 seconds', 'kraken', n::text, 10, 5
    FROM generate_series(1, ${TRADES}::int) AS n`;
  const run = async <T>(call: () => Promise<T>): Promise<T> => {
    const read = await call();
    if (isHolding) await new Promise<void>((go) => held.push(go));
    return read;
  };
  api = await serveTestApi({
    database: { ...database, breaker: { ...NO_CIRCUIT_BREAKER, run, runWithRetry: run } },
    // One heavy query runs at a time, and four wait.
    settings: { maxComputations: 4, maxInFlight: 16 },
    access: { trustedProxies: ["127.0.0.1"] },
  });
  api.at("2026-01-10T12:00:10Z");
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});
beforeEach(() => {
  [held, isHolding, asked] = [[], true, 0];
});

async function ask(path: string, client: string): Promise<number> {
  const { status } = await fetch(`${api.url}/v1/${path}`, { headers: { "X-Forwarded-For": client } });
  return status;
}

/** Returns a different query each time, over nearly all trades. */
function askHeavy(client: string, filter = ""): Promise<number> {
  asked++;
  const at = new Date(Date.UTC(2026, 0, 10, 12) - asked * 15_000).toISOString();
  return ask(`twap?pair=XLM/USD&window=24h&at=${at}${filter}`, client);
}

/** Returns a different query each time, over few trades. */
function askLight(client: string): Promise<number> {
  asked++;
  const at = new Date(Date.UTC(2026, 0, 10, 11) - asked * 30_000).toISOString();
  return ask(`twap?pair=XLM/USD&window=5m&at=${at}`, client);
}

async function releaseAll(): Promise<void> {
  isHolding = false;
  for (const go of held.splice(0)) go();
}

test("heavy queries wait for each other and do not delay light ones", async () => {
  const heavy = Array.from({ length: 8 }, (_, which) => askHeavy("198.51.100.1", which % 2 ? "&filter=none" : ""));
  const statuses: number[] = [];
  for (const answer of heavy) void answer.then((status) => statuses.push(status));
  // One runs and four wait; further ones are refused immediately.
  await expect.poll(() => statuses, PATIENTLY).toEqual([503, 503, 503]);
  await expect.poll(() => held.length, PATIENTLY).toBe(1);
  isHolding = false;
  for (const path of ["twap?pair=XLM/USD&window=1h", "vwap?pair=XLM/USD&window=23h", "price?pair=XLM/USD"]) {
    expect([path, await ask(path, "198.51.100.1")]).toEqual([path, 200]);
  }
  expect(await ask("ohlc?pair=XLM/USD&interval=1h", "198.51.100.1")).toBe(200);
  await releaseAll();
  await Promise.all(heavy);
  expect(statuses.filter((status) => status === 200)).toHaveLength(5);
});

test("a heavy query of another client is admitted and runs next", async () => {
  const greedy = Array.from({ length: 6 }, () => askHeavy("198.51.100.1"));
  const order: string[] = [];
  for (const answer of greedy) void answer.then((status) => order.push(`greedy ${status}`));
  await expect.poll(() => held.length, PATIENTLY).toBe(1);
  await expect.poll(() => order, PATIENTLY).toEqual(["greedy 503"]);
  const modest = askHeavy("198.51.100.2").then((status) => order.push(`modest ${status}`));
  await expect.poll(() => order, PATIENTLY).toEqual(["greedy 503", "greedy 503"]);
  await releaseAll();
  await Promise.all([...greedy, modest]);
  expect(order.filter((line) => line === "greedy 200")).toHaveLength(4);
  // It runs after the current one and at most one more that has waited longer.
  expect(order.indexOf("modest 200")).toBeLessThanOrEqual(4);
});

test("a client with more requests than max_in_flight does not block other clients", async () => {
  const greedy = Array.from({ length: 40 }, () => askLight("198.51.100.1"));
  const statuses: number[] = [];
  for (const answer of greedy) void answer.then((status) => statuses.push(status));
  // Four run and eight wait.
  await expect.poll(() => statuses, PATIENTLY).toEqual(Array(28).fill(503));
  const modest = [askLight("198.51.100.2"), askLight("198.51.100.3")];
  await expect.poll(() => statuses.length, PATIENTLY).toBe(30);
  await releaseAll();
  expect(await Promise.all(modest)).toEqual([200, 200]);
  await Promise.all(greedy);
  expect(statuses.filter((status) => status === 200)).toHaveLength(10);
}, 60_000);
