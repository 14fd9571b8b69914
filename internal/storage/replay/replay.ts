import { isOutlier } from "../../aggregate/outliers.ts";
import type {
  FoundOutliers,
  OutlierQuestion,
  PricedTrade,
  SourceTotals,
  SourceVolumes,
  TradeReader,
} from "../../aggregate/reader.ts";
import { type Bucket, MINUTE } from "../../canonical/bucket.ts";
import { compareBytes } from "../../canonical/compare.ts";
import { type Decimal, ZERO } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { ceilTo, floorTo, type Micros } from "../../canonical/time.ts";
import type { Database } from "../database.ts";
import { type Horizons, missingRows } from "../horizons.ts";
import { readOnly } from "../read-only.ts";
import { readerOf } from "../snapshot.ts";
import { isWholeMinutes } from "./minute-sums.ts";
import { minuteTrades } from "./minute-trades.ts";
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
 */
export function withReplay<T>(
  database: Database,
  { pairs, span }: ReplayScope,
  read: (reader: TradeReader) => Promise<T>,
): Promise<T> {
  return readOnly(database, async (sql, horizons, now) => {
    const reader = readerOf(sql, horizons, now);
    const minutes = { from: floorTo(span.from, MINUTE), to: ceilTo(span.to, MINUTE) };
    if (missingRows(horizons, { minutes: [minutes] }) !== null) return read(reader);
    const rows = await readMinutes(sql, pairs, minutes);
    const tradesOf = minuteTrades(sql);
    const isHeld = (asked: readonly Pair[], bucket: Bucket): boolean =>
      isWholeMinutes(bucket) &&
      bucket.from >= minutes.from &&
      bucket.to <= minutes.to &&
      asked.every((pair) => rows.has(formatPair(pair)));
    return read({
      ...reader,
      totals: async (asked, bucket) =>
        isHeld(asked, bucket) ? totalsOf(rows, asked, bucket) : reader.totals(asked, bucket),
      outliers: async (asked, bucket, question, limit) => {
        const found = isHeld(asked, bucket) ? minutesOutside(rows, asked, bucket, question) : null;
        if (found === null || found.length > MOST_KEPT) return reader.outliers(asked, bucket, question, limit);
        refuseExpired(horizons, found);
        const { band, rule } = question;
        const trades = await Promise.all(found.map((each) => tradesOf({ ...each, band })));
        return foundOutliers(
          trades.flat().filter(({ price }) => isOutlier(price, rule)),
          limit,
        );
      },
    });
  });
}

interface Minute {
  readonly pair: Pair;
  readonly source: string;
  readonly minute: Micros;
}

function minutesOutside(
  rows: MinutesByPair,
  pairs: readonly Pair[],
  bucket: Bucket,
  { sources, band }: OutlierQuestion,
): Minute[] {
  return pairs.flatMap((pair) =>
    sources.flatMap((source) => {
      const minutes = rows.get(formatPair(pair))?.get(source)?.outside(bucket, band) ?? [];
      return minutes.map((minute) => ({ pair, source, minute }));
    }),
  );
}

/** @throws RawDataExpired where retention has removed trades of the minutes */
function refuseExpired(horizons: Horizons, minutes: readonly Minute[]): void {
  const missing = missingRows(horizons, {
    trades: minutes.map(({ minute }) => ({ from: minute, to: minute + MINUTE })),
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

function totalsOf(rows: MinutesByPair, pairs: readonly Pair[], bucket: Bucket): SourceTotals[] {
  const bySource = new Map<string, SourceTotals>();
  for (const pair of pairs) {
    for (const [source, minutes] of rows.get(formatPair(pair)) ?? []) {
      const sums = minutes.sumsOf(bucket);
      if (sums === null) continue;
      const before = bySource.get(source);
      bySource.set(source, before === undefined ? { source, ...sums } : joined(before, sums));
    }
  }
  return [...bySource.values()].sort((a, b) => compareBytes(a.source, b.source));
}

function joined(a: SourceTotals, b: Omit<SourceTotals, "source">): SourceTotals {
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
