import type { Command } from "commander";
import { makePolicy } from "../internal/aggregate/policy.ts";
import { computePublished, type Published, refusalOf } from "../internal/aggregate/published-value.ts";
import {
  bucketEndAt,
  configuredPairs,
  configuredSpellings,
  refuseOneAsset,
  windowSecondsOf,
} from "../internal/aggregate/question.ts";
import type { TradeReader } from "../internal/aggregate/reader.ts";
import { chainGap, type Triangulation } from "../internal/aggregate/triangulation.ts";
import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { parseDuration } from "../internal/canonical/duration.ts";
import { formatPair, parseTypedPair } from "../internal/canonical/pair.ts";
import { serializePublished } from "../internal/canonical/published.ts";
import { formatTime, parseTime } from "../internal/canonical/time.ts";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import { policySettings } from "../internal/config/schema.ts";
import { systemClock } from "../internal/obs/clock.ts";
import { withSnapshot } from "../internal/storage/snapshot.ts";
import { databaseOf, loadConfigOf, openMigratedDatabase } from "./settings.ts";
import { UsageError, usage } from "./usage-error.ts";

const HELP = `
Prints one line of JSON, the bytes the aggregator would publish for the bucket that ends at the moment (on the
grid of [aggregate] bucket_seconds; default: the latest closed one). Exit status 1, and a reason on standard
error, where nothing would be published.

Example:
  stellarindex compute --pair BTC/USD --window 2h --at 2026-08-09T22:30:00Z
`;

const REASONS = {
  empty: "no trade that counts is in the window",
  "too-few-sources": "fewer sources than min_sources are left",
  "below-floor": "the USD volume is below min_usd_volume",
  "unknown-usd-volume": 'the USD volume is unknown, and min_usd_volume_unknown is "refuse"',
  guarded: "the price is too far from the one before the bucket (guard_factor), and too few sources confirm it",
};

/** Adds `compute`, which prints one value. */
export function addComputeCommand(program: Command): void {
  program
    .command("compute")
    .description("print the value of one pair and window, as the aggregator would publish it")
    .requiredOption("--pair <pair>", "such as XLM/USD or crypto:XLM/fiat:USD")
    .requiredOption("--window <duration>", "such as 5m, 1h30m or 24h")
    .option("--at <time>", "RFC 3339; default: now")
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
      const asked = usage("--pair", () => refuseOneAsset(parseTypedPair(options.pair, spellings), policy.aliases));
      const target = {
        pair: configuredPairs(publishedPairs(config), policy.aliases)(asked) ?? asked,
        windowSeconds: usage("--window", () => windowSecondsOf(parseDuration(options.window), grid)),
      };
      const now = systemClock.now();
      const at = options.at === undefined ? now : usage("--at", () => parseTime(options.at ?? ""));
      if (at < 0n) throw new UsageError(`--at ${formatTime(at)} is before 1970`);
      if (at > now) throw new UsageError(`--at ${formatTime(at)} is in the future`);
      const to = bucketEndAt(at, now, grid);
      const database = await openMigratedDatabase(databaseOf(loaded));
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
            `${otherWayRound(triangulation)}${leftOut(own.dropped.class, unknown)}${chainGap(triangulation)}\n`,
        );
        process.exitCode = 1;
      } finally {
        await database.close();
      }
    });
}

/** A pair without trades of its own is told of by the market that it would be read from. */
function otherWayRound(triangulation: Triangulation | null): string {
  if (triangulation?.outcome !== "withheld") return "";
  return ` (of ${formatPair(triangulation.market)}, the market the other way round)`;
}

function leftOut(trades: number, unknownSources: readonly string[]): string {
  if (trades === 0) return "";
  const unknown =
    unknownSources.length === 0 ? "" : `; not in the registry, add under [[sources]]: ${unknownSources.join(", ")}`;
  return ` (${trades} of sources that are not in VWAP were left out${unknown})`;
}
