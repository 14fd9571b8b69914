import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openRedisStore } from "../../cache/redis/store.ts";
import type { PriceStore } from "../../cache/store.ts";
import { parsePair } from "../../canonical/pair.ts";
import { logRequests } from "../../http/log.ts";
import { makeCircuitBreaker, NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import { stopwatch } from "../../lib/clock.ts";
import { createLogger } from "../../obs/logger.ts";
import { openTestDatabase, serverTestEngine, type TestDatabase } from "../../storage/connection/database.testing.ts";
import type { Database } from "../../storage/connection/database.ts";
import { isUnavailable } from "../../storage/connection/errors.ts";
import { connect } from "../../storage/connection/pool.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { logApiEvents } from "../log.ts";
import { openTestApi, unreachableDatabase } from "./api.testing.ts";

const XLM = parsePair("XLM/USD");
const PASSWORD = "hunter2";

const lines: string[] = [];
let logging: { stop: () => void }[] = [];
const opened: { close: () => Promise<void> }[] = [];
beforeEach(() => {
  lines.length = 0;
  const log = createLogger("debug", "api", { write: (line) => lines.push(line) });
  logging = [logApiEvents(log), logRequests(log)];
});
afterEach(async () => {
  for (const { stop } of logging) stop();
  for (const each of opened.splice(0)) await each.close();
});

function opens<T extends { close: () => Promise<void> }>(each: T): T {
  opened.push(each);
  return each;
}

/** A Redis that does not answer. */
function unreachableStore(): PriceStore {
  return opens(openRedisStore(`redis://user:${PASSWORD}@127.0.0.1:1`, "secret-prefix:"));
}

const EVERY = [
  "/v1/vwap?pair=XLM/USD",
  "/v1/vwap?pair=XLM/USD&at=2026-01-10T11:59:30Z",
  "/v1/twap?pair=XLM/USD",
  "/v1/price?pair=XLM/USD",
  "/v1/ohlc?pair=XLM/USD&interval=1m",
  "/v1/markets",
];

/** Requests every endpoint; expects the problem each time, and no internals in answers and log. */
async function expectProblem(
  api: ReturnType<typeof openTestApi>,
  kind: string,
  status: number,
  retryAfter: string | null,
  paths = EVERY,
): Promise<void> {
  for (const path of paths) {
    const { headers, body, text, ...answer } = await api.get(path);
    expect([path, answer.status, body.type]).toEqual([path, status, `urn:stellarindex:problem:${kind}`]);
    expect(headers.get("Retry-After")).toBe(retryAfter);
    expect(headers.get("Cache-Control")).toBe("no-store");
    expect(text).not.toMatch(/SELECT|trades|relation|permission|pg_|127\.0\.0\.1|nobody|\.ts|\n/i);
    expect(text).not.toContain(PASSWORD);
  }
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.join("")).not.toContain(PASSWORD);
}

test("without database and Redis, the answer is 503 with Retry-After", async () => {
  const api = openTestApi({ database: opens(unreachableDatabase()), store: unreachableStore() });
  api.at("2026-01-10T12:00:10Z");
  await expectProblem(api, "unavailable", 503, "5");
  expect((await api.get("/v1/sources")).status).toBe(200);
}, 60_000);

test("while the database's circuit is open, requests fail without waiting", async () => {
  const away = opens(unreachableDatabase());
  let calls = 0;
  const circuit = makeCircuitBreaker(
    "the database",
    { failures: 1, cooldownSeconds: 600, stopwatch, onChange: () => {} },
    isUnavailable,
  );
  const run = <T>(call: () => Promise<T>) =>
    circuit.run(() => {
      calls++;
      return call();
    });
  const api = openTestApi({ database: { ...away, breaker: { ...circuit, run, runWithRetry: run } } });
  api.at("2026-01-10T12:00:10Z");
  await expectProblem(api, "unavailable", 503, "5");
  expect(calls).toBe(1);
});

describe.skipIf(serverTestEngine === null)("with a database server", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    if (serverTestEngine === null) return;
    database = await openTestDatabase(serverTestEngine);
    await writeTrades(database, [trade(XLM, "2026-01-10T11:59:00Z", { base: "10", quote: "5" })]);
  });
  afterAll(() => database.drop());

  /** The same database over different connections. */
  function reconnect(connection: Record<string, string | number>): Database {
    const sql = connect(database.url, { max: 3, connection });
    return opens({
      sql,
      engine: "postgres" as const,
      breaker: NO_CIRCUIT_BREAKER,
      close: () => sql.end({ timeout: 0 }),
    });
  }

  test("without the right to read, the log names the reason and the answer does not", async () => {
    const api = openTestApi({ database: reconnect({ role: "pg_monitor" }) });
    api.at("2026-01-10T12:00:10Z");
    await expectProblem(api, "internal-error", 500, null);
    expect(lines.join("")).toContain("permission denied");
  });

  test("a statement that takes too long is cancelled, and an older price is served as stale", async () => {
    const api = openTestApi({ database: reconnect({ statement_timeout: 200 }) });
    api.at("2026-01-10T12:00:10Z");
    const stored = openTestApi({ database, store: api.store });
    stored.at("2026-01-10T12:00:10Z");
    await stored.publish(XLM, 300, "2026-01-10T12:00:00Z");
    api.at("2026-01-10T12:01:10Z");
    const [first, ...others] = EVERY;
    await database.sql.begin(async (sql) => {
      await sql`LOCK TABLE trades, trades_1m, trades_1h`;
      await expectProblem(
        api,
        "timeout",
        503,
        "5",
        others.filter((path) => !path.startsWith("/v1/price")),
      );
      for (const path of [first ?? "", "/v1/price?pair=XLM/USD"]) {
        const { status, body } = await api.get(path);
        expect([path, status, body.flags]).toMatchObject([path, 200, { stale: true }]);
      }
    });
    expect((await api.get("/v1/twap?pair=XLM/USD")).status).toBe(200);
  }, 30_000);

  test("without Redis, every endpoint answers from the database, and nothing is stale", async () => {
    const api = openTestApi({ database, store: unreachableStore() });
    const withStore = openTestApi({ database });
    for (const each of [api, withStore]) each.at("2026-01-10T12:00:10Z");
    for (const path of EVERY) {
      const { status, text, body } = await api.get(path);
      expect([path, status, body.flags?.stale]).toEqual([path, 200, false]);
      expect(text).toBe((await withStore.get(path)).text);
    }
    expect(lines.join("")).toContain("no answer");
    expect(lines.join("")).not.toContain(PASSWORD);
  }, 60_000);

  test("without the database, stored values are served, and are flagged once stale", async () => {
    const here = openTestApi({ database });
    here.at("2026-01-10T12:00:10Z");
    const text = await here.publish(XLM, 300, "2026-01-10T12:00:00Z");
    const api = openTestApi({ database: opens(unreachableDatabase()), store: here.store });
    for (const [time, stale] of [
      ["2026-01-10T12:00:10Z", false],
      ["2026-01-10T12:00:59Z", false],
      ["2026-01-10T12:01:10Z", true],
      ["2026-01-10T12:04:00Z", true],
    ] as const) {
      api.at(time);
      const vwap = await api.get("/v1/vwap?pair=XLM/USD");
      expect([time, vwap.status, vwap.body.flags]).toMatchObject([time, 200, { stale }]);
      expect(vwap.text).toContain(text);
      const price = await api.get("/v1/price?pair=XLM/USD");
      expect([time, price.status, price.body.flags]).toMatchObject([time, 200, { stale }]);
    }
  });
});
