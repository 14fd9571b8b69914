import { createHash } from "node:crypto";
import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";

/** Why something is in quarantine; see the table. */
export const QUARANTINE_KINDS = ["conflict", "refused", "malformed"] as const;
export type QuarantineKind = (typeof QUARANTINE_KINDS)[number];

/** Something to keep that could not be stored. */
export interface Quarantined {
  readonly kind: QuarantineKind;
  /** The name of the API key; empty for none. */
  readonly sender: string;
  readonly reason: string;
  readonly content: Uint8Array;
  /** Of a body; null for a trade. */
  readonly contentType: string | null;
  readonly isCut: boolean;
}

/** An entry of the quarantine. */
export interface QuarantineEntry extends Quarantined {
  readonly entryId: bigint;
  readonly receivedAt: Micros;
}

/** How much is kept of what cannot be read; the oldest goes first. */
export interface QuarantineLimits {
  readonly maxBytes: number;
  readonly maxAgeSeconds: number;
}

/** Keeps entries, by one statement for all; what is there already, word for word, is not kept twice. */
export async function addToQuarantine(sql: Sql, entries: readonly Quarantined[]): Promise<void> {
  if (entries.length === 0) return;
  const rows = entries.map(({ kind, sender, reason, content, contentType, isCut }) => ({
    ...{ kind, sender, reason, content_type: contentType, is_cut: isCut },
    content: Buffer.from(content).toString("hex"),
    digest: createHash("sha256").update(`${kind}\n${sender}\n`).update(content).digest("hex"),
  }));
  await sql`
    INSERT INTO ingest.quarantine (kind, sender, reason, content, content_type, is_cut, digest)
    SELECT kind, sender, reason, decode(content, 'hex'), content_type, is_cut, decode(digest, 'hex')
    FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS entry (
      kind text, sender text, reason text, content text, content_type text, is_cut boolean, digest text)
    ON CONFLICT (digest) DO NOTHING`;
}

/** Removes what is too old or too much, of what cannot be read. */
export async function trimQuarantine(sql: Sql, { maxBytes, maxAgeSeconds }: QuarantineLimits): Promise<void> {
  await sql`
    DELETE FROM ingest.quarantine USING (
      SELECT entry_id, sum(length(content)) OVER (ORDER BY entry_id DESC) AS bytes
      FROM ingest.quarantine WHERE kind = 'malformed'
    ) AS counted
    WHERE quarantine.entry_id = counted.entry_id AND (
      bytes > ${maxBytes}::bigint OR received_at < clock_timestamp() - ${maxAgeSeconds}::int * interval '1 second')`;
}

/** Returns entries with ids below `before`, the newest first. */
export async function readQuarantine(
  sql: Sql,
  {
    kind,
    before,
    limit,
  }: { readonly kind: QuarantineKind | null; readonly before: bigint | null; readonly limit: number },
): Promise<QuarantineEntry[]> {
  return entriesOf(
    await sql<StoredEntry[]>`
      SELECT ${columns(sql)} FROM ingest.quarantine
      WHERE true ${kind === null ? sql`` : sql`AND kind = ${kind}`}
        ${before === null ? sql`` : sql`AND entry_id < ${String(before)}::bigint`}
      ORDER BY entry_id DESC LIMIT ${limit}`,
  );
}

/** Returns one entry; null where there is none. */
export async function readQuarantineEntry(sql: Sql, entryId: bigint): Promise<QuarantineEntry | null> {
  const rows = await sql<StoredEntry[]>`
    SELECT ${columns(sql)} FROM ingest.quarantine WHERE entry_id = ${String(entryId)}::bigint`;
  return entriesOf(rows)[0] ?? null;
}

/** Removes an entry. @returns whether it was there */
export async function dropFromQuarantine(sql: Sql, entryId: bigint): Promise<boolean> {
  const { count } = await sql`DELETE FROM ingest.quarantine WHERE entry_id = ${String(entryId)}::bigint`;
  return count > 0;
}

/** Removes the entries of a kind that were received before a moment. @returns their number */
export async function dropOlder(sql: Sql, kind: QuarantineKind, before: Micros): Promise<number> {
  const { count } = await sql`
    DELETE FROM ingest.quarantine WHERE kind = ${kind} AND received_at < ${timestamptz(before)}::timestamptz`;
  return count;
}

/** The entries of one kind. */
export interface QuarantineCount {
  readonly kind: QuarantineKind;
  readonly entries: number;
  readonly bytes: number;
}

export async function countQuarantine(sql: Sql): Promise<QuarantineCount[]> {
  return sql<QuarantineCount[]>`
    SELECT kind, count(*)::int AS entries, sum(length(content))::float8 AS bytes FROM ingest.quarantine
    GROUP BY kind`;
}

interface StoredEntry {
  readonly id: string;
  readonly kind: QuarantineKind;
  readonly sender: string;
  readonly reason: string;
  readonly content: Buffer;
  readonly content_type: string | null;
  readonly is_cut: boolean;
  readonly received: string;
}

function columns(sql: Sql) {
  return sql`
    entry_id::text AS id, kind, sender, reason, content, content_type, is_cut,
    (extract(epoch FROM received_at) * 1000000)::bigint::text AS received`;
}

function entriesOf(rows: readonly StoredEntry[]): QuarantineEntry[] {
  return rows.map(({ id, kind, sender, reason, content, content_type, is_cut, received }) => ({
    ...{ kind, sender, reason, content },
    entryId: BigInt(id),
    contentType: content_type,
    isCut: is_cut,
    receivedAt: BigInt(received),
  }));
}
