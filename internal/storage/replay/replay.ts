import { type Bucket, MINUTE } from "../../canonical/bucket.ts";
import { compareBytes } from "../../canonical/compare.ts";
import { type Decimal, ZERO } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { ceilTo, floorTo, type Micros } from "../../canonical/time.ts";
import { outlierTest } from "../../policy/outliers/outliers.ts";
import type { FoundOutliers, PricedTrade, SourceTotals, SourceVolumes, TradeReader } from "../../policy/reader.ts";
import type { Database } from "../connection/database.ts";
import type { Sql } from "../connection/pool.ts";
import { type Ended, readOnly } from "../connection/read-only.ts";
import { type Horizons, missingRows } from "../retention/horizons.ts";
import { cachedAssetScans } from "../trades/classic-assets.ts";
import { recentBlocksFrom } from "../windows/recent-blocks.ts";
import { readerOf } from "../windows/snapshot.ts";
import { type Limits, limitsOf } from "./extremes.ts";
import { bucketOf, type MinuteRange, type MinuteSums, minutesOf } from "./minute-sums.ts";
import { type Minutes, minuteTrades } from "./minute-trades.ts";
import { preloadedBlocks } from "./preloaded-blocks.ts";
import { type MinutesByPair, readMinutes } from "./read-minutes.ts";

/** The data to preload for many buckets. */
export interface ReplayScope {
  /** Pairs as stored. */
  readonly pairs: readonly Pair[];
  /** Range that contains the buckets. */
  readonly span: Bucket;
}

/** If more minutes than this contain outliers, the database searches them for each bucket instead of caching them. */
const MOST_CACHED_MINUTES = 20_000;

/**
 * Runs `read` on one snapshot, with a reader that preloads the minutes of the pairs. A bucket of whole minutes within
 * the span then needs no statement unless it has outliers; other queries are answered as by `withSnapshot`. Results are
 * identical.
 * @throws ClockAhead, ReplayBehind if `ended` is not over, see `readOnly`
 */
export function withReplay<T>(
  database: Database,
  { pairs, span }: ReplayScope,
  read: (reader: TradeReader) => Promise<T>,
  ended?: Ended,
): Promise<T> {
  const readPreloaded = async (sql: Sql, horizons: Horizons, now: Micros, isChunked: boolean): Promise<T> => {
    const reader = readerOf(sql, horizons, now, { scans: cachedAssetScans(database), isChunked });
    const whole = { from: floorTo(span.from, MINUTE), to: ceilTo(span.to, MINUTE) };
    const preloaded = minutesOf(whole);
    if (preloaded === null || missingRows(horizons, { minutes: [whole] }) !== null) return read(reader);
    const rows = await readMinutes(sql, pairs, preloaded);
    const tradesOf = minuteTrades(sql);
    /** Returns the minutes of a bucket if all of their rows are preloaded, else null. */
    const preloadedMinutes = (asked: readonly Pair[], bucket: Bucket): MinuteRange | null => {
      const minutes = minutesOf(bucket);
      const isWithin = minutes !== null && minutes.first >= preloaded.first && minutes.past <= preloaded.past;
      return isWithin && asked.every((pair) => rows.has(formatPair(pair))) ? minutes : null;
    };
    return read({
      ...reader,
      recentBlocks: recentBlocksFrom(horizons, preloadedBlocks(sql, span)),
      totals: async (asked, bucket) => {
        const minutes = preloadedMinutes(asked, bucket);
        return minutes === null ? reader.totals(asked, bucket) : totalsOf(rows, asked, minutes);
      },
      outliers: async (asked, bucket, question, limit) => {
        const minutes = preloadedMinutes(asked, bucket);
        const band = limitsOf(question.band);
        const found = minutes && minutesOutside(rows, asked, minutes, question.sources, band);
        if (found === null || countMinutes(found) > MOST_CACHED_MINUTES)
          return reader.outliers(asked, bucket, question, limit);
        refuseExpired(horizons, found);
        const trades = await tradesOf(found, band);
        const isOut = outlierTest(question.rule);
        return foundOutliers(
          trades.filter(({ price }) => isOut(price)),
          limit,
        );
      },
    });
  };
  return readOnly(database, readPreloaded, ended);
}

function minutesOutside(
  rows: MinutesByPair,
  pairs: readonly Pair[],
  stretch: MinuteRange,
  sources: readonly string[],
  band: Limits,
): Minutes[] {
  return pairs.flatMap((pair) =>
    sourcesOf(rows, pair)
      .filter(({ source }) => sources.includes(source))
      .map((sums) => ({ pair, sums, minutes: sums.outside(stretch, band) })),
  );
}

function countMinutes(found: readonly Minutes[]): number {
  return found.reduce((count, { minutes }) => count + minutes.length, 0);
}

/** @throws RawDataExpired if retention has removed trades of the minutes */
function refuseExpired(horizons: Horizons, found: readonly Minutes[]): void {
  if (!horizons.has("trades")) return;
  const minutes = found.flatMap((each) => each.minutes);
  const missing = missingRows(horizons, {
    trades: minutes.map((minute) => bucketOf({ first: minute, past: minute + 1 })),
  });
  if (missing !== null) throw missing;
}

function foundOutliers(trades: readonly PricedTrade[], limit: number): FoundOutliers {
  const volumes = new Map<string, SourceVolumes>();
  for (const { source, baseAmount, quoteAmount } of trades) {
    const before = volumes.get(source);
    volumes.set(source, {
      source,
      tradeCount: (before?.tradeCount ?? 0) + 1,
      baseVolume: (before?.baseVolume ?? ZERO).plus(baseAmount),
      quoteVolume: (before?.quoteVolume ?? ZERO).plus(quoteAmount),
    });
  }
  return { volumes: [...volumes.values()], trades: trades.length <= limit ? trades : null };
}

function totalsOf(rows: MinutesByPair, pairs: readonly Pair[], stretch: MinuteRange): SourceTotals[] {
  const bySource = new Map<string, SourceTotals>();
  for (const pair of pairs) {
    for (const minutes of sourcesOf(rows, pair)) {
      const sums = minutes.sumsOf(stretch);
      if (sums === null) continue;
      const before = bySource.get(sums.source);
      bySource.set(sums.source, before === undefined ? sums : joined(before, sums));
    }
  }
  return [...bySource.values()].sort((a, b) => compareBytes(a.source, b.source));
}

function sourcesOf(rows: MinutesByPair, pair: Pair): readonly MinuteSums[] {
  return rows.get(formatPair(pair)) ?? [];
}

function joined(a: SourceTotals, b: SourceTotals): SourceTotals {
  const least = (x: Decimal, y: Decimal): Decimal => (y.lessThan(x) ? y : x);
  return {
    source: a.source,
    tradeCount: a.tradeCount + b.tradeCount,
    baseVolume: a.baseVolume.plus(b.baseVolume),
    quoteVolume: a.quoteVolume.plus(b.quoteVolume),
    priceSum: a.priceSum.plus(b.priceSum),
    priceSquareSum: a.priceSquareSum.plus(b.priceSquareSum),
    priceMin: least(a.priceMin, b.priceMin),
    priceMax: b.priceMax.greaterThan(a.priceMax) ? b.priceMax : a.priceMax,
  };
}
