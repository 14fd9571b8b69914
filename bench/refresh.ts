import { refreshTarget } from "../internal/aggregate/orchestrator/refresh.ts";
import { type Target, targetsOf } from "../internal/aggregate/orchestrator/target.ts";
import { runTick } from "../internal/aggregate/orchestrator/tick.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type Policy, type PolicySettings } from "../internal/aggregate/policy.ts";
import { openStore } from "../internal/cache/store.ts";
import { formatPair } from "../internal/canonical/pair.ts";
import { stopwatch } from "../internal/obs/clock.ts";
import type { TickEvent } from "../internal/obs/events.ts";
import type { Database } from "../internal/storage/database.ts";
import { fetchRows, plainSql } from "./alternatives.ts";
import type { Bench } from "./bench.ts";
import { compare } from "./compare.ts";
import { progress, withBenchDatabase } from "./database.ts";
import { BENCH_PAIRS, BENCH_TO, fillQuietPairs, fillTrades, QUIET_PAIRS, UNTRADED_PAIRS } from "./trades.ts";

const WINDOWS = [300, 3600, 86_400];

export const refresh: Bench = {
  summary: "one target and a whole tick, against fetching at most 10 000 rows per target and against plain SQL",
  run: ({ server, trades = 1_000_000 }) =>
    withBenchDatabase(server, async (database) => {
      const filled = stopwatch();
      await fillTrades(database, trades, (done) => progress(`writing trades: ${done} of ${trades}`));
      progress("");
      console.log(
        `${trades} trades in 24 h, ${BENCH_PAIRS.length} pairs, written in ${(stopwatch() - filled).toFixed(0)} s`,
      );
      await database.sql`ANALYZE`;
      await compareRefreshes(database);
      await fillQuietPairs(database, trades);
      await database.sql`ANALYZE`;
      await comparePolicies(database);
    }),
};

async function compareRefreshes(database: Database): Promise<void> {
  const policy = makePolicy({ ...DEFAULT_POLICY_SETTINGS, min_usd_volume: 0 });
  const targets = targetsOf(BENCH_PAIRS, WINDOWS);
  const busiest = { pair: BENCH_PAIRS[0] ?? fail(), windowSeconds: 86_400 };
  const sources = ["binance", "kraken", "coinbase", "bitstamp", "sdex"];
  const each = (read: typeof fetchRows) => async () => {
    for (const { pair, windowSeconds } of targets) await read(database, pair, windowSeconds, BENCH_TO, sources);
  };
  const one = (read: typeof fetchRows) => () => read(database, busiest.pair, busiest.windowSeconds, BENCH_TO, sources);

  console.log(`\none target, ${formatPair(busiest.pair)} over 24 h:`);
  const { value } = await refreshTarget(database, policy, busiest, BENCH_TO, 10_000);
  await compare({
    [`this program (${value?.trade_count} trades)`]: () => refreshTarget(database, policy, busiest, BENCH_TO, 10_000),
    "at most 10 000 rows, computed in process": one(fetchRows),
    "plain SQL over all rows": one(plainSql),
  });
  console.log(`\na tick of ${targets.length} targets, one after another:`);
  await compare({
    "this program": tickOf(database, targets, policy),
    "at most 10 000 rows per target": each(fetchRows),
    "plain SQL per target": each(plainSql),
  });
}

/** What the rules cost that are not part of the plain policy: half of the pairs have no trades of their own. */
async function comparePolicies(database: Database): Promise<void> {
  const targets = targetsOf([...BENCH_PAIRS, ...QUIET_PAIRS, ...UNTRADED_PAIRS], WINDOWS);
  const tick = (settings: Partial<PolicySettings>) =>
    tickOf(
      database,
      targets,
      makePolicy({ ...DEFAULT_POLICY_SETTINGS, min_usd_volume: 0, triangulation_enabled: false, ...settings }),
    );
  const venues = { venue_deviation_pct: 5, max_source_share: 0.3, sources: [{ name: "sdex", weight: 50 }] };
  const { counts } = await tick({ triangulation_enabled: true })();
  const own = await tick({})();
  console.log(
    `\na tick of ${targets.length} targets, ${own.counts.written} with a price of their own, ${counts.written - own.counts.written} more through other markets:`,
  );
  await compare({
    "without triangulation and venue rules": tick({}),
    "with triangulation": tick({ triangulation_enabled: true }),
    "with venue rules": tick(venues),
    "with both": tick({ triangulation_enabled: true, ...venues }),
    'with outlier_method = "mad"': tick({ outlier_method: "mad" }),
  });
}

function tickOf(database: Database, targets: readonly Target[], policy: Policy): () => Promise<TickEvent> {
  const context = {
    database,
    policy,
    targets,
    store: openStore({ url: "memory:", key_prefix: "" }),
    concurrency: 1,
    maxTrades: 10_000,
    namedSources: new Set<string>(),
    stopwatch,
  };
  return () => runTick(context, BENCH_TO, new AbortController().signal);
}

function fail(): never {
  throw new Error("the bench has no pair");
}
