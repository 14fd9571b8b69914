import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deleteTestKeys, plainClient, testKeyPrefix, testRedisUrl } from "../internal/cache/redis/store.testing.ts";
import { createTestDatabase, serverTestEngine } from "../internal/storage/connection/database.testing.ts";
import { type Environment, type RunningProgram, runProgram, startProgram } from "./program.ts";

const redisUrl = await testRedisUrl();
const isLeftOut = redisUrl === null || serverTestEngine === null;
if (isLeftOut) console.log("left out: aggregator and API as processes, because they need both PostgreSQL and Redis");

describe.skipIf(isLeftOut)("migrate, a decoder, the aggregator and the API as separate processes", () => {
  const prefix = testKeyPrefix();
  let environment: Environment;
  let drop: () => Promise<void>;
  const running: RunningProgram[] = [];

  beforeAll(async () => {
    const created = await createTestDatabase(serverTestEngine as NonNullable<typeof serverTestEngine>);
    drop = created.drop;
    environment = {
      STELLARINDEX_DATABASE_URL: created.url,
      STELLARINDEX_DATABASE_TIMESCALEDB: "off",
      STELLARINDEX_REDIS_URL: redisUrl as string,
      STELLARINDEX_REDIS_KEY_PREFIX: prefix,
      STELLARINDEX_API_LISTEN: "127.0.0.1:0",
      STELLARINDEX_API_OPS_LISTEN: "127.0.0.1:0",
      STELLARINDEX_AGGREGATE_OPS_LISTEN: "127.0.0.1:0",
      STELLARINDEX_AGGREGATE_INTERVAL_SECONDS: "1",
      STELLARINDEX_AGGREGATE_BUCKET_SECONDS: "1",
      STELLARINDEX_AGGREGATE_SETTLE_SECONDS: "1",
    };
  });
  afterAll(async () => {
    for (const program of running) if (program.process.exitCode === null) await program.stop("SIGKILL");
    await deleteTestKeys(redisUrl as string, prefix);
    await drop?.();
  });

  it("produce the same bytes", async () => {
    const unmigrated = await runProgram(["api"], environment);
    expect(unmigrated).toMatchObject({ status: 1, err: expect.stringContaining("stellarindex migrate up") });
    expect(await runProgram(["migrate", "up"], environment)).toMatchObject({ status: 0 });
    const aggregator = startProgram(["aggregator"], environment);
    const api = startProgram(["api"], environment);
    running.push(aggregator, api);
    const { api: base, ops } = JSON.parse(await api.line((line) => line.includes("api started")));

    const decoder = await startDecoder(environment["STELLARINDEX_DATABASE_URL"] as string);
    await aggregator.line((line) => line.includes('"written":') && !line.includes('"written":0'));
    decoder.stop();

    const redis = await connected(redisUrl as string);
    // The value is replaced every second: read until both reads are from the same tick.
    let stored: string | null = null;
    let body = "";
    await expect
      .poll(async () => {
        stored = await redis.get(`${prefix}vwap:crypto:XLM:fiat:USD:300`);
        body = await (await fetch(`${base}/v1/vwap?pair=XLM/USD&window=5m`)).text();
        return stored !== null && body.includes(stored);
      })
      .toBe(true);
    redis.disconnect();
    expect(body).toMatch(/^\{"data":\{"pair":"crypto:XLM\/fiat:USD","window_seconds":300,/);
    expect((await fetch(`${ops}/readyz`)).status).toBe(200);
    const metrics = await (await fetch(`${ops}/metrics`)).text();
    expect(metrics).toContain('stellarindex_api_requests_total{route="/v1/vwap",method="GET",status="200"}');
    expect(await aggregator.stop()).toBe(0);
    expect(await api.stop()).toBe(0);
  });
});

/** Writes trades with plain SQL, like a decoder without this program's code. */
async function startDecoder(url: string): Promise<{ stop: () => void }> {
  const { default: postgres } = await import("postgres");
  const sql = postgres(url, { max: 1 });
  let isRunning = true;
  void (async () => {
    for (let id = 0; isRunning; id++) {
      await sql`
        INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
        VALUES ('crypto:XLM', 'fiat:USD', clock_timestamp(), 'kraken', ${String(id)}, 100000, 12345.678)
        ON CONFLICT DO NOTHING`;
    }
    await sql.end();
  })();
  return {
    stop: () => {
      isRunning = false;
    },
  };
}

async function connected(url: string) {
  const redis = plainClient(url);
  await redis.connect();
  return redis;
}
