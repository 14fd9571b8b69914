import type { Bucket } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import { earlierOf, laterOf, type Micros } from "../canonical/time.ts";
import type { Sql } from "./database.ts";
import { moment } from "./moment.ts";

/** A stretch of one pair's rows, read for a part of the answer. */
export interface Range extends Bucket {
  readonly part: number;
  readonly pair: Pair;
}

/** The ranges as a row source with the columns part, base, quote, first and past. */
export function unnestRanges(sql: Sql, ranges: readonly Range[]) {
  const texts = new Map<Micros, string>();
  const text = (time: Micros): string => {
    const known = texts.get(time) ?? moment(time);
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

/** That `column` of a table with pairs lies in the range. */
export function inRange(sql: Sql, column: "ts" | "bucket", ranges: readonly Bucket[]) {
  return sql`
    base_asset = range.base AND quote_asset = range.quote
    AND ${sql(column)} >= range.first AND ${sql(column)} < range.past AND ${inSpan(sql, column, ranges)}`;
}

/** That `column` lies in the span of the stretches: values the planner knows, by which TimescaleDB leaves out other chunks. */
export function inSpan(sql: Sql, column: "ts" | "bucket", stretches: readonly Bucket[]) {
  const span = stretches.reduce((all, { from, to }) => ({ from: earlierOf(all.from, from), to: laterOf(all.to, to) }));
  return sql`
    ${sql(column)} >= ${moment(span.from)}::timestamptz AND ${sql(column)} < ${moment(span.to)}::timestamptz`;
}
