import { isFiat } from "../../canonical/asset.ts";
import { formatDuration } from "../../canonical/duration.ts";
import { MICROS_PER_SECOND } from "../../canonical/time.ts";
import { FX_QUOTE_MAX_AGE } from "../../policy/floor.ts";
import { publishedPairs } from "../published-pairs.ts";
import type { Config } from "../schema.ts";

/** How long each table keeps its rows, in seconds; 0 keeps them for ever. */
export type Retention = Config["database"]["retention"];

const MAX_RATE_AGE_SECONDS = Number(FX_QUOTE_MAX_AGE / MICROS_PER_SECOND);

/** Returns the tables that would keep less than the configured values need, each with the reason: "is shorter than …". */
export function insufficientRetention(
  retention: Retention,
  config: Config,
): { table: keyof Retention; reason: string }[] {
  const longest = Math.max(...config.aggregate.windows);
  const needsRates =
    config.aggregate.triangulations.length > 0 ||
    publishedPairs(config).some(({ quote }) => isFiat(quote) && quote !== "fiat:USD");
  const tables = Object.keys(retention) as (keyof Retention)[];
  const found = tables
    .filter((table) => retention[table] > 0 && retention[table] < longest)
    .map((table) => ({
      table,
      reason: `is shorter than the longest window (${formatDuration(longest)}), which then has no value`,
    }));
  if (retention.trades === 0 || retention.trades >= MAX_RATE_AGE_SECONDS || !needsRates) return found;
  const reason =
    "is shorter than 168h, the maximum age of an exchange rate to USD; a pair in another currency gets no value where the rate is older than what is kept";
  return [...found, { table: "trades", reason }];
}
