import { describe, expect, it } from "vitest";
import { targetState } from "../cache/target-state.ts";
import { parsePair } from "../canonical/pair.ts";
import { parseTime, seconds } from "../canonical/time.ts";
import { load } from "../config/config.testing.ts";
import type { Job } from "../storage/diagnostics/timescale.ts";
import { judgeSkew, readClock } from "./clock-skew.ts";
import { checkConfig } from "./config.ts";
import { checkDivergence } from "./divergence.ts";
import { checkHorizons } from "./horizons.ts";
import { judgeLocks } from "./locks.ts";
import { judgeLostRows } from "./lost-rows.ts";
import { checkNode } from "./node-version.ts";
import { checkPublished, checkVenues } from "./published.ts";
import { parseRedisInfo } from "./redis-info.ts";
import { checkRedisLatency } from "./redis-latency.ts";
import { checkRedisMemory } from "./redis-memory.ts";
import { checkRedisPersistence } from "./redis-persistence.ts";
import { checkRedisRole } from "./redis-role.ts";
import { checkRedisVersion } from "./redis-version.ts";
import { judgeJobs } from "./timescale-jobs.ts";

const NOW = parseTime("2026-08-09T22:30:00Z");
const statuses = (findings: readonly { status: string }[]) => findings.map(({ status }) => status);

describe("a clock", () => {
  it.each([
    [0, 1, 5, "ok"],
    [2_499, 0, 5, "ok"],
    [2_500, 0, 5, "warning"],
    [-2_500, 0, 5, "warning"],
    [4_999, 0, 5, "warning"],
    [5_000, 0, 5, "wrong"],
    [-5_000, 0, 5, "wrong"],
    // A difference that the round trip can explain does not count.
    [5_100, 200, 5, "warning"],
    [2_600, 200, 5, "ok"],
    [400, 0, 0, "ok"],
    [500, 0, 0, "warning"],
    [1_000, 0, 0, "wrong"],
  ])(
    "that is %i ms ahead, with an error of %i ms, under a settle time of %i s is %s",
    (aheadMs, uncertainMs, settle, status) => {
      expect(judgeSkew("the clock", { aheadMs, uncertainMs }, settle).status).toBe(status);
    },
  );

  it("is read in the shortest round trip and compared with its middle", async () => {
    const trips = [300, 20, 400, 100, 200];
    let now = 1_000_000;
    const reading = await readClock(
      async () => {
        const trip = trips.shift() ?? 0;
        now += trip;
        // The other clock, 7 s ahead, was read during the round trip: here at its end.
        return now + 7_000;
      },
      () => now,
    );
    expect(reading).toEqual({ aheadMs: 7_010, uncertainMs: 10 });
  });
});

describe("the machine and the configuration", () => {
  it.each([
    ["20.18.9", "wrong"],
    ["18.20.0", "wrong"],
    ["20.19.0", "ok"],
    ["22.0.0", "ok"],
  ])("Node.js %s is %s", (version, status) => expect(checkNode(version).status).toBe(status));

  it("shows each warning of the configuration", () => {
    const warned = checkConfig(load('[database.retention]\ntrades = "1h"'));
    expect(statuses(warned)).toContain("warning");
    expect(warned[1]?.found).toContain("database.retention.trades");
    expect(statuses(checkConfig(load("")))).toEqual(["ok"]);
  });

  it("names the references by host only, without querying them", () => {
    expect(checkDivergence(load("").config).status).toBe("skipped");
    const { config } = load(`[divergence.coingecko]
      enabled = true
      [divergence.chainlink]
      rpc_url = "https://rpc.example/secret"
      [divergence.chainlink.feeds]
      "BTC/USD" = "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c"`);
    const { status, found } = checkDivergence(config);
    expect(status).toBe("ok");
    expect(found).toContain("CoinGecko at api.coingecko.com, 1 Chainlink feeds at rpc.example");
    expect(found).not.toContain("secret");
  });
});

describe("Redis", () => {
  const info = (text: string) => parseRedisInfo(text.replaceAll("\n", "\r\n"));

  it("must have at least version 6", () => {
    expect(checkRedisVersion(info("# Server\nredis_version:5.0.14\n")).status).toBe("wrong");
    expect(checkRedisVersion(info("# Server\nredis_version:6.0.0\n")).status).toBe("ok");
    expect(checkRedisVersion(info("redis_version:10.0.0")).status).toBe("ok");
  });

  it("gets a warning if it evicts keys or is nearly full", () => {
    const memory = (policy: string, used: number, most: number) =>
      checkRedisMemory(info(`used_memory:${used}\nmaxmemory:${most}\nmaxmemory_policy:${policy}`));
    expect(statuses(memory("noeviction", 100, 0))).toEqual(["ok"]);
    expect(statuses(memory("noeviction", 89, 100))).toEqual(["ok"]);
    expect(statuses(memory("noeviction", 90, 100))).toEqual(["warning"]);
    expect(statuses(memory("volatile-lru", 90, 100))).toEqual(["warning", "warning"]);
  });

  it("must be a primary with the replicas that it requires", () => {
    expect(checkRedisRole(info("role:slave\nmaster_host:r1\nmaster_port:6379"), 0)).toMatchObject({
      status: "wrong",
      found: expect.stringContaining("r1:6379"),
    });
    expect(checkRedisRole(info("role:master\nconnected_slaves:2\nmin_slaves_good_slaves:1"), 2).status).toBe("wrong");
    expect(checkRedisRole(info("role:master\nconnected_slaves:2\nmin_slaves_good_slaves:2"), 2).status).toBe("ok");
    expect(checkRedisRole(info("role:master\nconnected_slaves:0"), null).status).toBe("ok");
  });

  it("gets a warning if saving fails", () => {
    const saving = (rdb: string, aof: string, isOn = 1) =>
      checkRedisPersistence(
        info(`rdb_last_bgsave_status:${rdb}\naof_enabled:${isOn}\naof_last_write_status:${aof}\nloading:0`),
      ).status;
    expect(saving("ok", "ok")).toBe("ok");
    expect(saving("err", "ok")).toBe("warning");
    expect(saving("ok", "err")).toBe("warning");
    expect(saving("ok", "err", 0)).toBe("ok");
  });

  it("is slow if the median latency is", async () => {
    const latency = (times: number[]) => {
      let now = 0;
      return checkRedisLatency(
        async () => {
          now += times.shift() ?? 0;
        },
        () => now,
      );
    };
    expect((await latency([900, 1, 1, 1, 1, 1, 1, 1, 900])).status).toBe("ok");
    expect((await latency([1, 1, 1, 1, 21, 21, 21, 21, 21])).status).toBe("warning");
  });
});

describe("the retention of the tables", () => {
  const horizons = (secondsAgo: number) => new Map([["trades", NOW - seconds(secondsAgo)]]);

  it("is wrong if it is shorter than the longest window", () => {
    expect(statuses(checkHorizons(new Map(), [300, 3600], NOW))).toEqual(["ok"]);
    expect(statuses(checkHorizons(horizons(3600), [300, 3600], NOW))).toEqual(["ok"]);
    const [finding] = checkHorizons(horizons(3599), [300, 3600], NOW);
    expect(finding).toMatchObject({ status: "wrong", cure: expect.stringContaining("2026-08-09T22:30:01Z") });
  });
});

describe("jobs of TimescaleDB", () => {
  const compression: Job = {
    id: 1000,
    procedure: "policy_compression",
    table: "trades",
    compressAfter: "7 days",
    keepSeconds: null,
    isScheduled: true,
    lastStatus: "Success",
    lastRun: "2026-08-09 22:00:00+00",
    failures: 0,
    lastError: null,
  };
  const expiry: Job = { ...compression, id: 1001, procedure: "x", compressAfter: null, keepSeconds: 86_400 };
  const keeps = { trades: 86_400, trades_1m: 0, trades_1h: 0 };

  it("match the configuration", () => {
    expect(statuses(judgeJobs([compression, expiry], keeps))).toEqual(["ok"]);
    expect(statuses(judgeJobs([expiry], keeps))).toEqual(["wrong"]);
    expect(statuses(judgeJobs([compression], keeps))).toEqual(["wrong"]);
    expect(statuses(judgeJobs([compression, { ...expiry, keepSeconds: 3600 }], keeps))).toEqual(["wrong"]);
    expect(statuses(judgeJobs([compression, expiry], { ...keeps, trades: 0 }))).toEqual(["wrong"]);
  });

  it("must run without failures", () => {
    expect(statuses(judgeJobs([compression, { ...expiry, isScheduled: false }], keeps))).toEqual(["warning"]);
    const failed = { ...expiry, lastStatus: "Failed", failures: 3 };
    expect(judgeJobs([compression, failed], keeps)).toEqual([
      expect.objectContaining({ status: "wrong", found: expect.stringContaining("3 failures in total") }),
    ]);
  });

  it("are accepted if only their record says that they failed", () => {
    const recorded = {
      ...expiry,
      lastStatus: "Failed",
      failures: 3,
      lastError: 'cannot drop portal "" while it is being set up',
    };
    expect(statuses(judgeJobs([compression, recorded], keeps))).toEqual(["warning"]);
    expect(statuses(judgeJobs([compression, { ...recorded, lastError: "deadlock detected" }], keeps))).toEqual([
      "wrong",
    ]);
  });
});

describe("locks", () => {
  it("suffice if the server has room for those of all chunks at once", () => {
    expect(judgeLocks(10, 60, 64, 100)).toMatchObject({ status: "ok" });
    expect(judgeLocks(1000, 5120, 64, 100)).toMatchObject({ status: "ok" });
    expect(judgeLocks(1000, 5121, 64, 100)).toMatchObject({
      status: "warning",
      found: expect.stringContaining("1000 chunks"),
      cure: "set max_locks_per_transaction = 128 (it is 64) in postgresql.conf and restart the server",
    });
  });
});

describe("missing chunks", () => {
  const lost = (table: string) => ({ table, from: NOW - seconds(9 * 3600), to: NOW - seconds(5 * 3600 + 1800) });

  it("are not reported if there are none", () => {
    expect(statuses(judgeLostRows([]))).toEqual(["ok"]);
  });

  it("are named with a fix that marks their rows as removed or recomputes the rollups", () => {
    const [trades, minutes] = judgeLostRows([lost("trades"), lost("trades_1m")]);
    expect(trades).toMatchObject({
      status: "wrong",
      found: expect.stringContaining("trades from 2026-08-09T13:30:00Z to 2026-08-09T17:00:00Z"),
      cure: expect.stringMatching(
        /remove_retention_policy\('trades', .*stellarindex prune --table trades --before 2026-08-09T17:00:00Z$/,
      ),
    });
    expect(minutes).toMatchObject({ status: "wrong", cure: expect.stringContaining("rollups verify --repair") });
  });
});

describe("the values in the store", () => {
  const target = { pair: parsePair("XLM/USD"), windowSeconds: 300 };
  const timing = { intervalSeconds: 30, settleSeconds: 5 };
  const text = (to: string, more = {}) =>
    JSON.stringify({
      pair: "crypto:XLM/fiat:USD",
      window_seconds: 300,
      from: to.replace(":30:", ":25:"),
      to,
      price: "0.1",
      base_volume: "1",
      quote_volume: "0.1",
      usd_volume: null,
      trade_count: 1,
      sources: [],
      dropped: { class: 0, outlier: 0 },
      policy: "0123456789ab",
      ...more,
    });
  const stateAt = (held: string | null, late: number) =>
    targetState(target, held === null ? null : { text: held, remainingMs: 1_600 }, NOW + seconds(late), timing);

  it("are fresh for two intervals and the settle time", () => {
    const held = text("2026-08-09T22:30:00Z");
    expect(stateAt(held, 65)).toMatchObject({ state: "fresh", ageSeconds: 65, price: "0.1", ttlSeconds: 2 });
    expect(stateAt(held, 66)).toMatchObject({ state: "late" });
    expect(stateAt(null, 0)).toMatchObject({ state: "missing", ageSeconds: null });
    expect(stateAt("x", 0)).toMatchObject({ state: "unreadable", price: null });
    expect(stateAt(text("2026-08-09T22:30:00Z", { pair: "crypto:BTC/fiat:USD" }), 0).state).toBe("unreadable");
  });

  it("are summarized for doctor", () => {
    const held = text("2026-08-09T22:30:00Z");
    expect(checkPublished([stateAt(held, 10), stateAt(null, 10)])).toMatchObject([{ status: "ok" }]);
    expect(checkPublished([stateAt(held, 10), stateAt(held, 90)])).toMatchObject([
      { status: "warning", found: expect.stringContaining("1m30s ago; 1 are late") },
    ]);
    expect(statuses(checkPublished([stateAt("x", 10)]))).toEqual(["warning", "warning"]);
    expect(checkPublished([stateAt(null, 10)])).toMatchObject([
      { status: "warning", found: expect.stringContaining("none of 1 targets has a value") },
    ]);
  });

  it("are reported with the pairs that have no value in any window", () => {
    const held = text("2026-08-09T22:30:00Z");
    const other = { ...stateAt(null, 10), pair: parsePair("ETH/GBP") };
    expect(
      checkPublished([stateAt(held, 10), other, stateAt(null, 10), { ...other, windowSeconds: 300 }]),
    ).toMatchObject([{ status: "ok" }, { status: "warning", found: "no value in any window: crypto:ETH/fiat:GBP" }]);
  });

  it("are reported with the venues that are far apart, and their prices", () => {
    const venue = (source: string, quote_volume: string) => ({
      source,
      trade_count: 1,
      base_volume: "1",
      quote_volume,
      share: "0.5",
    });
    const of = (...sources: ReturnType<typeof venue>[]) => stateAt(text("2026-08-09T22:30:00Z", { sources }), 10);
    expect(checkVenues([of(venue("kraken", "0.1")), stateAt(null, 10)]).status).toBe("skipped");
    expect(checkVenues([of(venue("kraken", "0.1"), venue("sdex", "0.102"))]).status).toBe("ok");
    expect(checkVenues([of(venue("kraken", "0.1"), venue("sdex", "0.2"))])).toMatchObject({
      status: "warning",
      found: expect.stringContaining("by 67 % (kraken 0.100000, sdex 0.200000)"),
    });
  });
});
