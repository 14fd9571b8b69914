import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { storableText } from "./storable.ts";

/** So many messages of a source are kept. */
export const MOST_UNREAD = 1000;

export interface UnreadMessage {
  readonly source: string;
  readonly reason: string;
  readonly message: string;
}

/** Keeps messages that could not be understood; of each source the newest. */
export async function keepUnread(sql: Sql, tenant: string, messages: readonly UnreadMessage[]): Promise<void> {
  if (messages.length === 0) return;
  await sql`
    INSERT INTO control.unread_messages (tenant, source, reason, message)
    SELECT ${tenant}, source, reason, message FROM unnest(
      ${messages.map(({ source }) => source)}::text[], ${messages.map(({ reason }) => storableText(reason))}::text[],
      ${messages.map(({ message }) => storableText(message))}::text[]
    ) AS given (source, reason, message)`;
  for (const source of new Set(messages.map((each) => each.source))) {
    await sql`
      DELETE FROM control.unread_messages
      WHERE tenant = ${tenant} AND source = ${source} AND message_id <= (
        SELECT message_id FROM control.unread_messages WHERE tenant = ${tenant} AND source = ${source}
        ORDER BY message_id DESC OFFSET ${MOST_UNREAD} LIMIT 1
      )`;
  }
}

/** An unread message as it is kept. */
export interface KeptMessage extends UnreadMessage {
  readonly messageId: bigint;
  readonly receivedAt: Micros;
}

/** Returns unread messages, the newest first, with ids below `before`; null to begin with the newest. */
export async function listUnread(
  sql: Sql,
  tenant: string,
  { source, before, limit }: { readonly source: string | null; readonly before: bigint | null; readonly limit: number },
): Promise<KeptMessage[]> {
  const rows = await sql<(UnreadMessage & { id: string; received: string })[]>`
    SELECT message_id::text AS id, source, (extract(epoch FROM received_at) * 1000000)::bigint::text AS received, reason, message
    FROM control.unread_messages
    WHERE tenant = ${tenant} ${source === null ? sql`` : sql`AND source = ${source}`}
      ${before === null ? sql`` : sql`AND message_id < ${String(before)}::bigint`}
    ORDER BY message_id DESC
    LIMIT ${limit}`;
  return rows.map(({ id, received, ...row }) => ({ ...row, messageId: BigInt(id), receivedAt: BigInt(received) }));
}

/** Unread messages of the last hour by source, with the newest reason. */
export interface UnreadCount {
  readonly source: string;
  readonly count: number;
  readonly reason: string;
  readonly lastAt: Micros;
}

export async function countUnread(sql: Sql, tenant: string): Promise<UnreadCount[]> {
  const rows = await sql<{ source: string; count: number; reason: string; last: string }[]>`
    SELECT source, count(*)::integer AS count, (array_agg(reason ORDER BY message_id DESC))[1] AS reason,
      (extract(epoch FROM max(received_at)) * 1000000)::bigint::text AS last
    FROM control.unread_messages
    WHERE tenant = ${tenant} AND received_at > statement_timestamp() - interval '1 hour'
    GROUP BY source ORDER BY source LIMIT 500`;
  return rows.map(({ last, ...row }) => ({ ...row, lastAt: BigInt(last) }));
}
