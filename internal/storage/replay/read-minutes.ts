import { formatPair, type Pair } from "../../canonical/pair.ts";
import type { Sql } from "../connection/pool.ts";
import { inRange, unnestRanges } from "../windows/ranges.ts";
import { parseSums, type SumsRow } from "../windows/sums-row.ts";
import {
  bucketOf,
  type MinuteRange,
  type MinuteRow,
  type MinuteRows,
  type MinuteSums,
  minuteRows,
} from "./minute-sums.ts";

/** Minutes by pair (as text) and source. */
export type MinutesByPair = ReadonlyMap<string, readonly MinuteSums[]>;

interface Row extends SumsRow {
  part: number;
  source: string;
  minute: number;
  price_min: string;
  price_max: string;
}

/** Reads the minute rollups of pairs; a pair without trades has an empty list of sources. */
export async function readMinutes(sql: Sql, pairs: readonly Pair[], held: MinuteRange): Promise<MinutesByPair> {
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
  // Row by row, so that parsing overlaps with the database's work.
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
    ...parseSums(row),
    priceMin: row.price_min,
    priceMax: row.price_max,
  };
}
