import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { storableJson } from "./storable.ts";

/** Something that is collected, and how a window of it is fetched. */
export interface NewFeed {
  /** Such as kraken:XLM-USD. */
  readonly feed: string;
  /** Source and host of its jobs; empty for none. */
  readonly source: string;
  readonly host: string;
  /** The kind of job that fetches a window. */
  readonly kind: string;
  /** A JSON object; the window's `from` and `to` are added to it. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** Event time from which it is to be complete. */
  readonly startAt: Micros;
  /** Length of a window where a backfill names none. */
  readonly chunkSeconds: number;
}

export interface Feed extends NewFeed {
  readonly createdAt: Micros;
  /** Event time that it has come to; null before anything was covered. */
  readonly watermark: Micros | null;
}

interface Row {
  feed: string;
  source: string;
  host: string;
  kind: string;
  payload: Record<string, unknown>;
  start_at: string;
  chunk_seconds: number;
  created_at: string;
  watermark: string | null;
}

/** Declares a feed, or changes it; what it covers stays. Returns whether it is new. */
export async function declareFeed(sql: Sql, tenant: string, given: NewFeed): Promise<boolean> {
  const [row] = await sql<{ is_new: boolean }[]>`
    INSERT INTO control.feeds (tenant, feed, source, host, kind, payload, start_at, chunk_seconds)
    VALUES (
      ${tenant}, ${given.feed}, ${given.source}, ${given.host}, ${given.kind},
      ${storableJson(given.payload)}::text::jsonb, ${timestamptz(given.startAt)}::timestamptz, ${given.chunkSeconds}
    )
    ON CONFLICT (tenant, feed) DO UPDATE SET
      source = excluded.source, host = excluded.host, kind = excluded.kind, payload = excluded.payload,
      start_at = excluded.start_at, chunk_seconds = excluded.chunk_seconds
    RETURNING xmax = 0 AS is_new`;
  return row?.is_new === true;
}

/** Removes a feed with what it covers; its jobs stay. Returns whether it was there. */
export async function removeFeed(sql: Sql, tenant: string, feed: string): Promise<boolean> {
  const { count } = await sql`DELETE FROM control.feeds WHERE tenant = ${tenant} AND feed = ${feed}`;
  return count > 0;
}

/** Returns feeds in the order of their names, after one of them or from the first (null). */
export async function listFeeds(sql: Sql, tenant: string, after: string | null, limit: number): Promise<Feed[]> {
  const rows = await sql<Row[]>`
    ${selectFeeds(sql, tenant)} ${after === null ? sql`` : sql`AND feed > ${after}`}
    ORDER BY feed LIMIT ${limit}`;
  return rows.map(feedOf);
}

/** Returns a feed; null if the tenant has none of this name. */
export async function readFeed(sql: Sql, tenant: string, feed: string): Promise<Feed | null> {
  const [row] = await sql<Row[]>`${selectFeeds(sql, tenant)} AND feed = ${feed}`;
  return row === undefined ? null : feedOf(row);
}

function selectFeeds(sql: Sql, tenant: string) {
  return sql`
    SELECT feed, source, host, kind, payload, chunk_seconds,
      (extract(epoch FROM start_at) * 1000000)::bigint::text AS start_at,
      (extract(epoch FROM created_at) * 1000000)::bigint::text AS created_at,
      (extract(epoch FROM complete_to) * 1000000)::bigint::text AS watermark
    FROM control.feeds LEFT JOIN control.watermarks USING (tenant, feed)
    WHERE tenant = ${tenant}`;
}

function feedOf({ start_at, chunk_seconds, created_at, watermark, ...row }: Row): Feed {
  return {
    ...row,
    startAt: BigInt(start_at),
    chunkSeconds: chunk_seconds,
    createdAt: BigInt(created_at),
    watermark: watermark === null ? null : BigInt(watermark),
  };
}
