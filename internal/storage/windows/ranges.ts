import type { Bucket } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { earlierOf, laterOf, type Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";

/** A time range of one pair's rows. */
export interface Range extends Bucket {
  /** Index of the query in a batch that the rows are for. */
  readonly part: number;
  readonly pair: Pair;
}

/** A FROM item `range` with the columns part, base, quote, first and past. */
export function unnestRanges(sql: Sql, ranges: readonly Range[]) {
  const texts = new Map<Micros, string>();
  const text = (time: Micros): string => {
    const known = texts.get(time) ?? timestamptz(time);
    texts.set(time, known);
    return known;
  };
  return sql`
    unnest(
      ${ranges.map(({ part }) => String(part))}::text[]::int[],
      ${ranges.map(({ pair }) => pair.base)}::text[], ${ranges.map(({ pair }) => pair.quote)}::text[],
      ${ranges.map(({ from }) => text(from))}::text[]::timestamptz[],
      ${ranges.map(({ to }) => text(to))}::text[]::timestamptz[]
    ) AS range (part, base, quote, first, past)`;
}

/** A condition: the row has the pair of `range`, and `column` lies in it. */
export function inRange(sql: Sql, column: "ts" | "bucket", ranges: readonly Bucket[]) {
  return sql`
    base_asset = range.base AND quote_asset = range.quote
    AND ${sql(column)} >= range.first AND ${sql(column)} < range.past AND ${inSpan(sql, column, ranges)}`;
}

/** A condition: `column` lies in the span of all ranges. Its values are known at planning, for chunk exclusion. */
export function inSpan(sql: Sql, column: "ts" | "bucket", stretches: readonly Bucket[]) {
  const span = stretches.reduce((all, { from, to }) => ({ from: earlierOf(all.from, from), to: laterOf(all.to, to) }));
  return sql`
    ${sql(column)} >= ${timestamptz(span.from)}::timestamptz AND ${sql(column)} < ${timestamptz(span.to)}::timestamptz`;
}
