import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { parseDivergence } from "../internal/cache/divergence.ts";
import { deleteTestKeys, plainClient, testKeyPrefix, testRedisUrl } from "../internal/cache/redis/store.testing.ts";
import { type Pair, parsePair } from "../internal/canonical/pair.ts";
import { chainlinkBody, coingeckoBody } from "../internal/divergence/references.testing.ts";
import { serve } from "../internal/http/local-server.testing.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../internal/storage/connection/database.testing.ts";
import { trade } from "../internal/storage/trades/trades.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { type RunningProgram, startProgram } from "../test/program.ts";

const redisUrl = await testRedisUrl();
const isLeftOut = redisUrl === null || serverTestEngine === null;
if (isLeftOut) console.log("left out: the aggregator with references, because it needs both PostgreSQL and Redis");

const XLM = parsePair("XLM/USD");
const BTC = parsePair("BTC/USD");
const FEEDS: readonly (readonly [string, Pair])[] = [
  [`0x${"1a".repeat(20)}`, XLM],
  [`0x${"2b".repeat(20)}`, BTC],
];
const XLM_KEY = "div:crypto:XLM:fiat:USD";
const BTC_KEY = "div:crypto:BTC:fiat:USD";
const OUTCOMES = ["ok", "no_vwap", "parse_error", "refresh_error"];

describe.skipIf(isLeftOut)("an aggregator with references", () => {
  let database: TestDatabase;
  const redis = plainClient(redisUrl ?? "");

  beforeAll(async () => {
    database = await openTestDatabase(serverTestEngine as NonNullable<typeof serverTestEngine>);
  });
  afterAll(async () => {
    redis.disconnect();
    await database?.drop();
  });

  /** Current trades at 0.4 and 70000, and a daemon that ticks every second and queries one server for both references. */
  async function start(
    server: string,
    timeoutMs: number,
  ): Promise<{ program: RunningProgram; prefix: string; ops: string }> {
    const ts = BigInt(Date.now() - 2_000) * 1000n;
    await writeTrades(database, [
      trade(XLM, ts, { base: "1000", quote: "400" }),
      trade(BTC, ts, { base: "1", quote: "70000" }),
    ]);
    const prefix = testKeyPrefix();
    const program = startProgram(["aggregator"], {
      STELLARINDEX_DATABASE_URL: database.url,
      STELLARINDEX_REDIS_URL: redisUrl as string,
      STELLARINDEX_REDIS_KEY_PREFIX: prefix,
      STELLARINDEX_AGGREGATE_PAIRS: "XLM/USD,BTC/USD",
      STELLARINDEX_AGGREGATE_WINDOWS: "60s",
      STELLARINDEX_AGGREGATE_VWAP_WINDOW_SECONDS: "60",
      STELLARINDEX_AGGREGATE_TWAP_WINDOW_SECONDS: "60",
      STELLARINDEX_AGGREGATE_INTERVAL_SECONDS: "1",
      STELLARINDEX_AGGREGATE_BUCKET_SECONDS: "1",
      STELLARINDEX_AGGREGATE_SETTLE_SECONDS: "1",
      STELLARINDEX_AGGREGATE_MIN_USD_VOLUME: "0",
      STELLARINDEX_AGGREGATE_OPS_LISTEN: "127.0.0.1:0",
      STELLARINDEX_DIVERGENCE_TIMEOUT_MS: String(timeoutMs),
      STELLARINDEX_DIVERGENCE_COINGECKO_ENABLED: "true",
      STELLARINDEX_DIVERGENCE_COINGECKO_URL: server,
      STELLARINDEX_DIVERGENCE_CHAINLINK_RPC_URL: server,
      STELLARINDEX_DIVERGENCE_CHAINLINK_FEEDS: `{ "native/USD" = "${FEEDS[0]?.[0]}", "BTC/USD" = "${FEEDS[1]?.[0]}" }`,
    });
    onTestFinished(async () => {
      if (program.process.exitCode === null) await program.stop("SIGKILL");
      await deleteTestKeys(redisUrl as string, prefix);
    });
    const { ops } = JSON.parse(await program.line((line) => line.includes("aggregator started")));
    return { program, prefix, ops };
  }

  async function metric(ops: string, name: string): Promise<number> {
    const lines = (await (await fetch(`${ops}/metrics`)).text()).split("\n");
    const line = lines.find((each) => each.startsWith(`${name} `));
    if (line === undefined) throw new Error(`there is no ${name}`);
    return Number(line.slice(name.length));
  }

  function refreshes(ops: string): Promise<number[]> {
    return Promise.all(
      OUTCOMES.map((outcome) => metric(ops, `stellarindex_divergence_refresh_total{outcome="${outcome}"}`)),
    );
  }

  it("continues its ticks while they do not answer, and stops without waiting for them", async () => {
    const server = await serve(() => {});
    // Longer than any test.
    const { program, prefix, ops } = await start(server.url, 60_000);
    await program.line((line) => line.includes('"msg":"tick"'));
    await server.receives(2);
    const ticks = () => metric(ops, 'stellarindex_aggregator_ticks_total{outcome="ok"}');
    const before = await ticks();
    await expect.poll(ticks, { timeout: 15_000 }).toBeGreaterThanOrEqual(before + 3);
    expect(await refreshes(ops)).toEqual([0, 0, 0, 0]);
    expect(await metric(ops, "stellarindex_divergence_warnings_total")).toBe(0);
    expect(server.received.map(({ method }) => method).sort()).toEqual(["GET", "POST"]);

    const began = performance.now();
    expect(await program.stop()).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(program.lines.at(-1)).toContain("aggregator stopped");
    expect(await redis.exists(`${prefix}${XLM_KEY}`, `${prefix}${BTC_KEY}`)).toBe(0);
  });

  it("warns in Redis, metrics and logs only of the price that is far from theirs", async () => {
    const server = await serve(({ method, body }, response) => {
      const at = BigInt(Date.now()) * 1000n;
      const [xlm, btc] = [
        { price: "0.3", at },
        { price: "70100", at },
      ];
      const feeds = Object.fromEntries(FEEDS.map(([address, pair]) => [address, pair === XLM ? xlm : btc]));
      response.end(method === "GET" ? coingeckoBody({ stellar: xlm, bitcoin: btc }) : chainlinkBody(body, feeds));
    });
    const { program, prefix, ops } = await start(server.url, 5_000);
    const warned = JSON.parse(await program.line((line) => line.includes("price deviates from its references")));
    expect(warned).toMatchObject({ level: "warn", pair: "crypto:XLM/fiat:USD", deviation_pct: "-25", failures: [] });
    await expect.poll(() => redis.exists(`${prefix}${XLM_KEY}`, `${prefix}${BTC_KEY}`)).toBe(2);
    const kept = async (key: string) => parseDivergence((await redis.get(`${prefix}${key}`)) ?? "");
    expect(await kept(XLM_KEY)).toMatchObject({
      pair: "crypto:XLM/fiat:USD",
      price: "0.4",
      checked: true,
      median: "0.3",
      warning: true,
      references: [
        { reference: "chainlink", price: "0.3" },
        { reference: "coingecko", price: "0.3" },
      ],
    });
    expect(await kept(BTC_KEY)).toMatchObject({ price: "70000", median: "70100", checked: true, warning: false });
    for (const key of [XLM_KEY, BTC_KEY]) {
      const ttl = await redis.ttl(`${prefix}${key}`);
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(300);
    }
    await expect.poll(() => refreshes(ops)).toEqual([2, 0, 0, 0]);
    expect(await metric(ops, "stellarindex_divergence_warnings_total")).toBe(1);
    expect(await program.stop()).toBe(0);
  });
});
