import { parseDecimal } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import type { Sql } from "../database.ts";
import { inRange, unnestRanges } from "../ranges.ts";
import { bucketOf, type MinuteRow, type MinuteRows, type MinuteSums, minuteRows, type Stretch } from "./minute-sums.ts";

/** The minutes of some pairs, by pair (as text), each source's by themselves. */
export type MinutesByPair = ReadonlyMap<string, readonly MinuteSums[]>;

interface Row {
  part: number;
  source: string;
  minute: number;
  trade_count: string;
  base_volume: string;
  quote_volume: string;
  price_sum: string;
  price_square_sum: string;
  price_min: string;
  price_max: string;
}

/** The minute rollups of pairs; a pair without trades has no sources. */
export async function readMinutes(sql: Sql, pairs: readonly Pair[], held: Stretch): Promise<MinutesByPair> {
  const ranges = pairs.map((pair, part) => ({ part, pair, ...bucketOf(held) }));
  const rowsByPair = pairs.map(() => new Map<string, MinuteRows>());
  const statement = sql<Row[]>`
    SELECT range.part, minute.*
    FROM ${unnestRanges(sql, ranges)}
    CROSS JOIN LATERAL (
      SELECT source, (extract(epoch FROM bucket) / 60)::int AS minute, trade_count::text AS trade_count,
        base_volume::text AS base_volume, quote_volume::text AS quote_volume, price_sum::text AS price_sum,
        price_square_sum::text AS price_square_sum, price_min::text AS price_min, price_max::text AS price_max
      FROM trades_1m
      WHERE ${inRange(sql, "bucket", ranges)}
      ORDER BY bucket
      OFFSET 0
    ) AS minute`;
  // One by one, so that the database goes on while they are read.
  await statement.forEach((row) => {
    const bySource = rowsByPair[row.part] as Map<string, MinuteRows>;
    const ofSource = bySource.get(row.source) ?? minuteRows(row.source, held);
    bySource.set(row.source, ofSource);
    ofSource.add(minuteRow(row));
  });
  return new Map(
    rowsByPair.map((bySource, index) => [
      formatPair(pairs[index] as Pair),
      Array.from(bySource.values(), (rows) => rows.sums()),
    ]),
  );
}

function minuteRow(row: Row): MinuteRow {
  return {
    minute: row.minute,
    tradeCount: Number(row.trade_count),
    baseVolume: parseDecimal(row.base_volume),
    quoteVolume: parseDecimal(row.quote_volume),
    priceSum: parseDecimal(row.price_sum),
    priceSquareSum: parseDecimal(row.price_square_sum),
    priceMin: row.price_min,
    priceMax: row.price_max,
  };
}
