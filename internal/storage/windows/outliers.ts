import { splitBucket } from "../../canonical/bucket.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { laterOf } from "../../canonical/time.ts";
import type { FoundOutliers, PricedTrade, SourceVolumes } from "../../policy/reader.ts";
import type { Sql } from "../connection/pool.ts";
import { type Horizons, missingRows } from "../retention/horizons.ts";
import { scanOutliers } from "./outlier-scan.ts";
import { type OutlierSearch, type PairSearch, type SearchRow, searchRollups } from "./outlier-search.ts";

const MINUTES = "trades_1m";

/**
 * Finds the outliers of each search in one statement. The minimum and maximum prices of the rollups show which hours
 * and minutes to read. See {@link TradeReader.outliers}.
 * @returns RawDataExpired in place of a result that needs removed trades
 */
export async function readOutliers(
  sql: Sql,
  horizons: Horizons,
  searches: readonly OutlierSearch[],
): Promise<(FoundOutliers | Error)[]> {
  const parts = searches.flatMap(({ pairs, ...search }) => pairs.map((pair) => ({ pair, ...search })));
  const rows = parts.map((): SearchRow[] => []);
  for (const row of await searchRollups(sql, parts, horizons.get(MINUTES))) rows[row.part]?.push(row);
  const found = await Promise.all(parts.map((part, index) => outliersOf(sql, horizons, part, rows[index] ?? [])));
  const inOrder = found.values();
  return searches.map(({ pairs, limit }) => {
    const ofSearch = pairs.map(() => inOrder.next().value as FoundOutliers | Error);
    return ofSearch.find((each) => each instanceof Error) ?? joined(ofSearch as FoundOutliers[], limit);
  });
}

async function outliersOf(
  sql: Sql,
  horizons: Horizons,
  { pair, bucket, question, limit }: PairSearch,
  rows: readonly SearchRow[],
): Promise<FoundOutliers | Error> {
  const { headMinutes, tailMinutes } = splitBucket(bucket);
  const unknown = missingRows(horizons, { minutes: [headMinutes, tailMinutes] });
  if (unknown !== null) return unknown;
  const [first] = rows;
  if (first === undefined) return { volumes: [], trades: [] };
  // There are no outliers before the first rollup with prices outside the band.
  const searched = { from: laterOf(BigInt(first.needed_from), bucket.from), to: bucket.to };
  const missing = missingRows(horizons, { trades: [searched] });
  if (missing !== null) return missing;
  if (first.is_whole) return { volumes: await scanOutliers(sql, pair, searched, question), trades: null };
  const sums = rows.filter(({ source }) => source !== null);
  const volumes = sums.map((row) => ({
    source: row.source as string,
    tradeCount: Number(row.trade_count),
    baseVolume: parseDecimal(row.base_volume),
    quoteVolume: parseDecimal(row.quote_volume),
  }));
  const trades = sums.flatMap((row) => tradesOf(pair, row));
  const count = volumes.reduce((all, { tradeCount }) => all + tradeCount, 0);
  return { volumes, trades: count <= limit ? trades : null };
}

function tradesOf(pair: Pair, { source, named }: SearchRow): PricedTrade[] {
  return (named ?? []).map(([ts, tradeId, price, baseAmount, quoteAmount]) => ({
    pair,
    ts: BigInt(ts),
    source: source as string,
    tradeId,
    price: parseDecimal(price),
    baseAmount: parseDecimal(baseAmount),
    quoteAmount: parseDecimal(quoteAmount),
  }));
}

/** Joins the outliers of several pairs whose trades count together. */
function joined(found: readonly FoundOutliers[], limit: number): FoundOutliers {
  const bySource = new Map<string, SourceVolumes>();
  for (const { source, tradeCount, baseVolume, quoteVolume } of found.flatMap(({ volumes }) => volumes)) {
    const before = bySource.get(source);
    bySource.set(source, {
      source,
      tradeCount: tradeCount + (before?.tradeCount ?? 0),
      baseVolume: before === undefined ? baseVolume : baseVolume.plus(before.baseVolume),
      quoteVolume: before === undefined ? quoteVolume : quoteVolume.plus(before.quoteVolume),
    });
  }
  const trades = found.flatMap(({ trades: each }) => each ?? []);
  const isNamed = found.every(({ trades: each }) => each !== null) && trades.length <= limit;
  return { volumes: [...bySource.values()], trades: isNamed ? trades : null };
}
