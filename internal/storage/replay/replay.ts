import { outlierTest } from "../../aggregate/outliers.ts";
import type { FoundOutliers, PricedTrade, SourceTotals, SourceVolumes, TradeReader } from "../../aggregate/reader.ts";
import { type Bucket, MINUTE } from "../../canonical/bucket.ts";
import { compareBytes } from "../../canonical/compare.ts";
import { type Decimal, ZERO } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { ceilTo, floorTo, type Micros } from "../../canonical/time.ts";
import { rememberedWalks } from "../classic-assets.ts";
import type { Database, Sql } from "../database.ts";
import { type Horizons, missingRows } from "../horizons.ts";
import { type Ended, readOnly } from "../read-only.ts";
import { recentBlocksFrom } from "../recent-blocks.ts";
import { readerOf } from "../snapshot.ts";
import { type Limits, limitsOf } from "./extremes.ts";
import { heldBlocks } from "./held-blocks.ts";
import { bucketOf, type MinuteSums, minutesOf, type Stretch } from "./minute-sums.ts";
import { type Minutes, minuteTrades } from "./minute-trades.ts";
import { type MinutesByPair, readMinutes } from "./read-minutes.ts";

/** What many buckets are asked about. */
export interface ReplayScope {
  /** Pairs as traded. */
  readonly pairs: readonly Pair[];
  /** What holds the buckets. */
  readonly span: Bucket;
}

/** More outliers of one window than this are found by the database each time, instead of being kept. */
const MOST_KEPT = 20_000;

/**
 * Runs `read` on one snapshot of the database, with a reader for many buckets of the same pairs: it reads their minutes
 * once. A bucket of whole minutes within the span then costs no statement, as long as it has no outliers; whatever else
 * is asked is answered as by `withSnapshot`. The answers are the same.
 * @throws ClockAhead, ReplayBehind where what is asked about has not ended, see `readOnly`
 */
export function withReplay<T>(
  database: Database,
  { pairs, span }: ReplayScope,
  read: (reader: TradeReader) => Promise<T>,
  ended?: Ended,
): Promise<T> {
  const readHeld = async (sql: Sql, horizons: Horizons, now: Micros, isChunked: boolean): Promise<T> => {
    const reader = readerOf(sql, horizons, now, { walks: rememberedWalks(database), isChunked });
    const whole = { from: floorTo(span.from, MINUTE), to: ceilTo(span.to, MINUTE) };
    const held = minutesOf(whole);
    if (held === null || missingRows(horizons, { minutes: [whole] }) !== null) return read(reader);
    const rows = await readMinutes(sql, pairs, held);
    const tradesOf = minuteTrades(sql);
    /** The minutes of a bucket whose rows are all held; null where they are not. */
    const heldMinutes = (asked: readonly Pair[], bucket: Bucket): Stretch | null => {
      const minutes = minutesOf(bucket);
      const isWithin = minutes !== null && minutes.first >= held.first && minutes.past <= held.past;
      return isWithin && asked.every((pair) => rows.has(formatPair(pair))) ? minutes : null;
    };
    return read({
      ...reader,
      recentBlocks: recentBlocksFrom(horizons, heldBlocks(sql, span)),
      totals: async (asked, bucket) => {
        const minutes = heldMinutes(asked, bucket);
        return minutes === null ? reader.totals(asked, bucket) : totalsOf(rows, asked, minutes);
      },
      outliers: async (asked, bucket, question, limit) => {
        const minutes = heldMinutes(asked, bucket);
        const band = limitsOf(question.band);
        const found = minutes && minutesOutside(rows, asked, minutes, question.sources, band);
        if (found === null || countMinutes(found) > MOST_KEPT) return reader.outliers(asked, bucket, question, limit);
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
  return readOnly(database, readHeld, ended);
}

function minutesOutside(
  rows: MinutesByPair,
  pairs: readonly Pair[],
  stretch: Stretch,
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

/** @throws RawDataExpired where retention has removed trades of the minutes */
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

function totalsOf(rows: MinutesByPair, pairs: readonly Pair[], stretch: Stretch): SourceTotals[] {
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
