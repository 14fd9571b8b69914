import { FX_QUOTE_MAX_AGE } from "../aggregate/floor.ts";
import { isFiat } from "../canonical/asset.ts";
import { formatDuration } from "../canonical/duration.ts";
import { MICROS_PER_SECOND } from "../canonical/time.ts";
import { publishedPairs } from "./published-pairs.ts";
import type { Config } from "./schema.ts";

/** How long each table keeps its rows, in seconds; 0 is for ever. */
export type Retention = Config["database"]["retention"];

const RATES_REACH_BACK_SECONDS = Number(FX_QUOTE_MAX_AGE / MICROS_PER_SECOND);

/** The tables that would keep less than configured values need, and why: "is shorter than …". */
export function tooShort(retention: Retention, config: Config): { table: keyof Retention; reason: string }[] {
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
  if (retention.trades === 0 || retention.trades >= RATES_REACH_BACK_SECONDS || !needsRates) return found;
  const reason =
    "is shorter than the 168h that rates to USD may be old; pairs in other currencies fail where no rate lies in what is kept";
  return [...found, { table: "trades", reason }];
}
