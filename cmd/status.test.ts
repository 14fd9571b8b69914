import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { vwapKey } from "../internal/cache/keys.ts";
import { openStore } from "../internal/cache/open-store.ts";
import { openLeases } from "../internal/cache/redis/leases.ts";
import { deleteTestKeys, plainClient, testKeyPrefix, testRedisUrl } from "../internal/cache/redis/store.testing.ts";
import { formatPair, parsePair } from "../internal/canonical/pair.ts";
import { serializePublished } from "../internal/canonical/published.ts";
import { floorTo, formatTime, type Micros, seconds } from "../internal/canonical/time.ts";
import { NO_CIRCUIT_BREAKER } from "../internal/lib/circuit-breaker.ts";
import { runHere, runProgram } from "../test/program.ts";

const redisUrl = await testRedisUrl();
const PAIRS = ["XLM/USD", "BTC/USD", "ETH/USD", "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN/USD"];

describe.skipIf(redisUrl === null)("status", () => {
  const prefix = testKeyPrefix();
  const environment = {
    STELLARINDEX_REDIS_URL: redisUrl as string,
    STELLARINDEX_REDIS_KEY_PREFIX: prefix,
    STELLARINDEX_AGGREGATE_PAIRS: PAIRS.join(","),
    STELLARINDEX_AGGREGATE_WINDOWS: "1h",
    // Long enough for fresh values to stay fresh during the test.
    STELLARINDEX_AGGREGATE_INTERVAL_SECONDS: "600",
    STELLARINDEX_AGGREGATE_VWAP_WINDOW_SECONDS: "3600",
    STELLARINDEX_AGGREGATE_TWAP_WINDOW_SECONDS: "3600",
  };
  const tick = floorTo(BigInt(Date.now()) * 1000n, seconds(60));

  async function publish(text: string, to: Micros): Promise<void> {
    const store = openStore({ url: redisUrl as string, key_prefix: prefix });
    const pair = parsePair(text);
    const value = {
      pair: `${pair.base}/${pair.quote}`,
      window_seconds: 3600,
      from: formatTime(to - seconds(3600)),
      to: formatTime(to),
      price: "0.123456789012345678",
      base_volume: "1",
      quote_volume: "0.123456789012345678",
      usd_volume: null,
      trade_count: 1,
      sources: [],
      dropped: { class: 0, outlier: 0 },
      policy: "0123456789ab",
    };
    const write = { key: vwapKey(pair, 3600), value: serializePublished(value), to: value.to, ttlSeconds: 3600 };
    expect(await store.publish([write])).toEqual(["written"]);
    await store.close();
  }

  beforeAll(() => publish("XLM/USD", tick));
  afterAll(() => deleteTestKeys(redisUrl as string, prefix));

  it("exits with 0 while every value is fresh", async () => {
    const { status, out } = await runProgram(["status", "--json"], environment);
    const { targets } = JSON.parse(out);
    expect(targets.map(({ state }: { state: string }) => state)).toEqual(["fresh", "missing", "missing", "missing"]);
    expect(targets[0]).toMatchObject({
      pair: "crypto:XLM/fiat:USD",
      window_seconds: 3600,
      to: formatTime(tick),
      price: "0.123456789012345678",
      policy: "0123456789ab",
    });
    expect(targets[0].age_seconds).toBeGreaterThanOrEqual(0);
    expect(targets[0].lives_seconds).toBeGreaterThan(3000);
    expect(targets[1]).toMatchObject({ to: null, price: null, age_seconds: null });
    expect(status).toBe(0);
  });

  it("exits with 1 if a value is late or unreadable, and prints a table that fits a terminal", async () => {
    await publish("BTC/USD", tick - seconds(1800));
    const client = plainClient(redisUrl as string);
    await client.connect();
    await client.set(`${prefix}${vwapKey(parsePair("ETH/USD"), 3600)}`, "nonsense");
    client.disconnect();
    const { status, out } = await runHere(["status"], environment);
    expect(status).toBe(1);
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^pair +window +state +bucket end +age +price +TTL/);
    expect(lines[1]).toMatch(/^crypto:XLM\/fiat:USD +1h +fresh +\d\d:\d\d:\d\dZ .* 0\.12345679 /);
    expect(lines[2]).toMatch(/^crypto:BTC\/fiat:USD +1h +late .* 3\dm\d*s? /);
    expect(lines[3]).toMatch(/^crypto:ETH\/fiat:USD +1h +unreadable .* for ever/);
    expect(lines[4]).toMatch(/^USDC-GA5Z…KZVN\/fiat:USD +1h +missing /);
    expect(lines.slice(-2)).toEqual([
      "1 fresh, 1 late, 1 missing, 1 unreadable",
      "no value in any window: crypto:ETH/fiat:USD, USDC-GA5Z…KZVN/fiat:USD",
    ]);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it("shows the aggregators that share the targets, and the owner of each target", async () => {
    const shared = { ...environment, STELLARINDEX_AGGREGATE_REPLICAS: "shared" };
    const options = { url: redisUrl as string, breaker: NO_CIRCUIT_BREAKER, keyPrefix: prefix };
    const [one, other] = ["b-host-1", "a-host-2"].map((member) => openLeases({ ...options, member }));
    const pairs = PAIRS.map((text) => formatPair(parsePair(text)));
    await one?.claim(pairs, 60, 60_000);
    await other?.claim(pairs, 120, 60_000);
    const { out } = await runHere(["status", "--json"], shared);
    const { replicas, targets } = JSON.parse(out);
    expect(replicas).toEqual(["a-host-2", "b-host-1"]);
    const owners = targets.map(({ owner }: { owner: string }) => owner).sort();
    expect(owners).toEqual(["a-host-2", "a-host-2", "b-host-1", "b-host-1"]);
    await other?.close();
    const table = (await runHere(["status"], shared)).out;
    expect(table).toMatch(/ owner\n/);
    expect(table.match(/ #1\n/g)).toHaveLength(2);
    expect(table.match(/ –\n/g)).toHaveLength(2);
    expect(table.trimEnd().split("\n").at(-1)).toBe("aggregator #1: b-host-1, 2 pairs");
    await one?.close();
  });

  it("exits with 1 if no target has a value, or Redis does not answer", async () => {
    const empty = { ...environment, STELLARINDEX_REDIS_KEY_PREFIX: `${prefix}empty:` };
    expect(await runHere(["status"], empty)).toMatchObject({ status: 1, out: expect.stringContaining("4 missing") });
    const away = { ...environment, STELLARINDEX_REDIS_URL: "redis://:hidden@127.0.0.1:1" };
    const { status, err } = await runProgram(["status"], away);
    expect([status, err]).toEqual([1, expect.stringContaining("Redis at 127.0.0.1:1")]);
    expect(err).not.toContain("hidden");
  });
});

it("status explains what to do if prices are in the memory of one process", async () => {
  const { status, err } = await runHere(["status"]);
  expect([status, err]).toEqual([2, expect.stringContaining("use its API")]);
});
