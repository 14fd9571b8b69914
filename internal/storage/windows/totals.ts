import type { Bucket } from "../../canonical/bucket.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { SourceTotals } from "../../policy/reader.ts";
import type { Sql } from "../connection/pool.ts";
import type { Cover } from "./cover.ts";
import { inRange, type Range, unnestRanges } from "./ranges.ts";
import { parseSums, type SumsRow } from "./sums-row.ts";

/** Pairs whose trades count together, and the cover of their bucket. */
export interface TotalsQuestion {
  readonly pairs: readonly Pair[];
  readonly cover: Cover;
}

interface Row extends SumsRow {
  part: number;
  source: string;
  price_min: string;
  price_max: string;
}

/** Reads the sums by source over all trades, for each query, in one statement. See {@link TradeReader.totals}. */
export async function readTotals(sql: Sql, questions: readonly TotalsQuestion[]): Promise<SourceTotals[][]> {
  const branches = [
    rollupSums(
      sql,
      "trades_1h",
      rangesOf(questions, ({ hours }) => hours),
      1,
    ),
    rollupSums(
      sql,
      "trades_1m",
      rangesOf(questions, ({ minutes }) => minutes.plus),
      1,
    ),
    rollupSums(
      sql,
      "trades_1m",
      rangesOf(questions, ({ minutes }) => minutes.minus),
      -1,
    ),
    tradeSums(
      sql,
      rangesOf(questions, ({ trades }) => trades.plus),
      1,
    ),
    tradeSums(
      sql,
      rangesOf(questions, ({ trades }) => trades.minus),
      -1,
    ),
  ].flat();
  const answers = questions.map((): SourceTotals[] => []);
  if (branches.length === 0) return answers;
  const rows = await sql<Row[]>`
    SELECT
      part, source, sum(trade_count)::text AS trade_count,
      sum(base_volume)::text AS base_volume, sum(quote_volume)::text AS quote_volume,
      sum(price_sum)::text AS price_sum, sum(price_square_sum)::text AS price_square_sum,
      min(price_min)::text AS price_min, max(price_max)::text AS price_max
    FROM (${branches.reduce((all, branch) => sql`${all} UNION ALL ${branch}`)}) AS sums (
      part, source, trade_count, base_volume, quote_volume, price_sum, price_square_sum, price_min, price_max
    )
    GROUP BY part, source
    HAVING sum(trade_count) > 0
    ORDER BY part, source COLLATE "C"`;
  for (const row of rows) {
    answers[row.part]?.push({
      source: row.source,
      ...parseSums(row),
      priceMin: parseDecimal(row.price_min),
      priceMax: parseDecimal(row.price_max),
    });
  }
  return answers;
}

function rangesOf(questions: readonly TotalsQuestion[], stretchesOf: (cover: Cover) => readonly Bucket[]): Range[] {
  return questions.flatMap(({ pairs, cover }, part) =>
    stretchesOf(cover).flatMap((stretch) => pairs.map((pair) => ({ part, pair, ...stretch }))),
  );
}

/** Subtracted ranges give no extremes: those of the rollups that contain them remain an outer bound. */
function extremes(sql: Sql, sign: 1 | -1, least: string, greatest: string) {
  return sign === 1 ? sql`min(${sql(least)}), max(${sql(greatest)})` : sql`NULL::numeric, NULL::numeric`;
}

// OFFSET 0 aggregates each range by itself: one index lookup, and a hash table of a few sources.
function rollupSums(sql: Sql, table: "trades_1h" | "trades_1m", ranges: readonly Range[], sign: 1 | -1) {
  if (ranges.length === 0) return [];
  const minus = sign === 1 ? sql`` : sql`-`;
  return [
    sql`
    SELECT range.part, sums.* FROM ${unnestRanges(sql, ranges)}
    CROSS JOIN LATERAL (
      SELECT source, ${minus} sum(trade_count), ${minus} sum(base_volume), ${minus} sum(quote_volume),
        ${minus} sum(price_sum), ${minus} sum(price_square_sum), ${extremes(sql, sign, "price_min", "price_max")}
      FROM ${sql(table)}
      WHERE ${inRange(sql, "bucket", ranges)}
      GROUP BY source
      OFFSET 0
    ) AS sums`,
  ];
}

function tradeSums(sql: Sql, ranges: readonly Range[], sign: 1 | -1) {
  if (ranges.length === 0) return [];
  const minus = sign === 1 ? sql`` : sql`-`;
  return [
    sql`
    SELECT range.part, sums.* FROM ${unnestRanges(sql, ranges)}
    CROSS JOIN LATERAL (
      SELECT source, ${minus} count(*)::numeric, ${minus} sum(base_amount), ${minus} sum(quote_amount),
        ${minus} sum(price), ${minus} sum(price * price), ${extremes(sql, sign, "price", "price")}
      FROM trades
      WHERE ${inRange(sql, "ts", ranges)}
      GROUP BY source
      OFFSET 0
    ) AS sums`,
  ];
}
