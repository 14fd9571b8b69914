import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { gapsOfFeeds, type Interval } from "./coverage.ts";

/** What is known of a collected market. */
export interface FeedCoverage {
  readonly feed: string;
  readonly source: string;
  /** The pair as stored, base/quote. */
  readonly pair: string;
  readonly startAt: Micros;
  /** Event time that it has come to; null before anything was covered. */
  readonly watermark: Micros | null;
  /** What is missing between both, in order of time; the newest hundred. */
  readonly gaps: readonly Interval[];
}

const MOST_FEEDS = 1000;
const MOST_GAPS = 100;

/** Returns the feeds of a tenant whose payload has a pair, by name, with their gaps. */
export async function readFeedCoverage(sql: Sql, tenant: string): Promise<FeedCoverage[]> {
  const rows = await sql<
    { feed: string; source: string; pair: string; start: string; watermark: string | null; gaps: [string, string][] }[]
  >`
    WITH gaps AS (${gapsOfFeeds(sql, tenant)}),
    newest AS (
      SELECT feed, from_at, to_at, row_number() OVER (PARTITION BY feed ORDER BY from_at DESC) AS place FROM gaps
    )
    SELECT feeds.feed, feeds.source, feeds.payload ->> 'pair' AS pair,
      (extract(epoch FROM start_at) * 1000000)::bigint::text AS start,
      (extract(epoch FROM complete_to) * 1000000)::bigint::text AS watermark,
      coalesce((
        SELECT json_agg(json_build_array(
          (extract(epoch FROM from_at) * 1000000)::bigint::text, (extract(epoch FROM to_at) * 1000000)::bigint::text
        ) ORDER BY from_at)
        FROM newest WHERE newest.feed = feeds.feed AND place <= ${MOST_GAPS}
      ), '[]') AS gaps
    FROM control.feeds LEFT JOIN control.watermarks USING (tenant, feed)
    WHERE tenant = ${tenant} AND feeds.payload ->> 'pair' IS NOT NULL
    ORDER BY feeds.feed LIMIT ${MOST_FEEDS}`;
  return rows.map(({ start, watermark, gaps, ...row }) => ({
    ...row,
    startAt: BigInt(start),
    watermark: watermark === null ? null : BigInt(watermark),
    gaps: gaps.map(([from, to]) => ({ from: BigInt(from), to: BigInt(to) })),
  }));
}
