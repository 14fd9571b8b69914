import type { Bucket } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { type Horizons, missingRows } from "../retention/horizons.ts";
import { inRange, unnestRanges } from "../windows/ranges.ts";

/** Parameters of {@link TradeReader.lastTradeTime}. */
export interface LastTimeQuestion {
  readonly pairs: readonly Pair[];
  readonly bucket: Bucket;
  /** Null for any source. */
  readonly sources: readonly string[] | null;
}

/** Reads the times of the last trades of buckets in one statement. See {@link TradeReader.lastTradeTime}. */
export async function readLastTradeTimes(
  sql: Sql,
  horizons: Horizons,
  questions: readonly LastTimeQuestion[],
): Promise<(Micros | null)[]> {
  const ranges = questions.flatMap(({ pairs, bucket }, part) => pairs.map((pair) => ({ part, pair, ...bucket })));
  const rows = await sql<{ part: number; ts: string }[]>`
    SELECT range.part, (extract(epoch FROM max(last.ts)) * 1000000)::bigint::text AS ts
    FROM ${unnestRanges(sql, ranges)}
    JOIN unnest(
      ${questions.map((_, part) => String(part))}::text[]::int[],
      ${questions.map(({ sources }) => sources?.join(",") ?? null)}::text[]
    ) AS asked (part, sources) USING (part)
    CROSS JOIN LATERAL (
      SELECT ts FROM trades
      WHERE ${inRange(sql, "ts", ranges)} AND (asked.sources IS NULL OR source = ANY(string_to_array(asked.sources, ',')))
      ORDER BY ts DESC
      LIMIT 1
    ) AS last
    GROUP BY range.part`;
  const times = new Map(rows.map(({ part, ts }) => [part, BigInt(ts)]));
  return questions.map(({ bucket }, part) => {
    const last = times.get(part) ?? null;
    const isComplete = missingRows(horizons, { trades: [{ from: last ?? bucket.from, to: bucket.to }] }) === null;
    return isComplete ? last : null;
  });
}
