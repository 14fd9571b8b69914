import type { Command } from "commander";
import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { parseDuration } from "../internal/canonical/duration.ts";
import { formatPair, parseTypedPair } from "../internal/canonical/pair.ts";
import { serializePublished } from "../internal/canonical/published.ts";
import { formatTime, parseTime } from "../internal/canonical/time.ts";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import { policySettings } from "../internal/config/schema.ts";
import { openMigratedDatabase } from "../internal/daemon/migrated-database.ts";
import { systemClock } from "../internal/lib/clock.ts";
import { makePolicy } from "../internal/policy/policy.ts";
import { computePublished, type Published, refusalOf } from "../internal/policy/published-value.ts";
import {
  bucketEndAt,
  configuredPairs,
  configuredSpellings,
  refuseSelfPair,
  windowSecondsOf,
} from "../internal/policy/query.ts";
import type { TradeReader } from "../internal/policy/reader.ts";
import { chainGap, type Triangulation } from "../internal/policy/routes/triangulation.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";
import { databaseOf, loadConfigOf, requireExisting } from "./settings.ts";
import { parseOption, UsageError } from "./usage-error.ts";

const HELP = `
Prints one line of JSON: the bytes that the aggregator would publish for the bucket that ends at --at, rounded down to a
multiple of [aggregate] bucket_seconds (default: the latest closed bucket). If nothing would be published, the exit
status is 1 and the reason goes to standard error.

Example:
  stellarindex compute --pair BTC/USD --window 2h --at 2026-08-09T22:30:00Z
`;

const REASONS = {
  empty: "the window has no trades that count",
  "too-few-sources": "fewer than min_sources sources are left",
  "below-floor": "the USD volume is below min_usd_volume",
  "unknown-usd-volume": 'the USD volume is unknown, and min_usd_volume_unknown is "refuse"',
  guarded: "the price is too far from the recent price (guard_factor), and too few sources confirm it",
};

/** Adds `compute`, which prints one value. */
export function addComputeCommand(program: Command): void {
  program
    .command("compute")
    .description("print the value of one pair and window, as the aggregator would publish it")
    .requiredOption("--pair <pair>", "the pair, such as XLM/USD or crypto:XLM/fiat:USD")
    .requiredOption("--window <duration>", "the window, such as 5m, 1h30m or 24h")
    .option("--at <time>", "end of the bucket, RFC 3339; default: now")
    .addHelpText("after", HELP)
    .action(async (options: { pair: string; window: string; at?: string }, command: Command) => {
      const loaded = loadConfigOf(command);
      const { config } = loaded;
      const grid = {
        bucketSeconds: config.aggregate.bucket_seconds,
        intervalSeconds: config.aggregate.interval_seconds,
        settleSeconds: config.aggregate.settle_seconds,
      };
      const policy = makePolicy(policySettings(config));
      const spellings = configuredSpellings(publishedPairs(config), policy);
      const asked = parseOption("--pair", () =>
        refuseSelfPair(parseTypedPair(options.pair, spellings), policy.aliases),
      );
      const target = {
        pair: configuredPairs(publishedPairs(config), policy.aliases)(asked) ?? asked,
        windowSeconds: parseOption("--window", () => windowSecondsOf(parseDuration(options.window), grid)),
      };
      const now = systemClock.now();
      const at = options.at === undefined ? now : parseOption("--at", () => parseTime(options.at ?? ""));
      if (at < 0n) throw new UsageError(`--at ${formatTime(at)} is before 1970`);
      if (at > now) throw new UsageError(`--at ${formatTime(at)} is in the future`);
      const to = bucketEndAt(at, now, grid);
      const database = await openMigratedDatabase(requireExisting(databaseOf(loaded)));
      try {
        const unknown: string[] = [];
        const compute = (reader: TradeReader): Promise<Published> =>
          computePublished(reader, policy, target.pair, bucketEndingAt(to, target.windowSeconds), {
            maxTrades: config.aggregate.max_trades_per_window,
            observe: (pair, _bucket, { unknownSources = [] }) => {
              if (pair === target.pair) unknown.push(...unknownSources);
            },
          });
        const { settleSeconds } = grid;
        const published = await withSnapshot(database, compute, { to, settleSeconds });
        const { value, own, triangulation } = published;
        if (value !== null) {
          process.stdout.write(`${serializePublished(value)}\n`);
          return;
        }
        process.stderr.write(
          `nothing would be published for the bucket that ends at ${formatTime(to)}: ${REASONS[refusalOf(published) ?? "empty"]}` +
            `${invertedMarket(triangulation)}${leftOut(own.dropped.class, unknown)}${chainGap(triangulation)}\n`,
        );
        process.exitCode = 1;
      } finally {
        await database.close();
      }
    });
}

/** Names the inverted market, where the reason is about its trades. */
function invertedMarket(triangulation: Triangulation | null): string {
  if (triangulation?.outcome !== "withheld") return "";
  return ` (of ${formatPair(triangulation.market)}, the inverted market)`;
}

function leftOut(trades: number, unknownSources: readonly string[]): string {
  if (trades === 0) return "";
  const unknown =
    unknownSources.length === 0 ? "" : `; not in the registry, add with [[sources]]: ${unknownSources.join(", ")}`;
  return ` (${trades} trades from sources that are not in VWAP do not count${unknown})`;
}
