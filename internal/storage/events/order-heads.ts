import type { Sql } from "../connection/pool.ts";

/** A key of an ordered destination. */
interface OrderKey {
  readonly destination: string;
  readonly orderKey: string;
}

/** The name of a line of jobs that are done one after the other. */
export const chainOf = ({ destination, orderKey }: OrderKey): string => `${destination}\n${orderKey}`;

/**
 * Locks the newest deliveries of keys until the end of the transaction, so that others add theirs before or behind.
 * @returns the job of the newest delivery by {@link chainOf}, where there is one
 */
export async function lockOrderHeads(
  sql: Sql,
  tenant: string,
  keys: readonly OrderKey[],
): Promise<Map<string, bigint>> {
  if (keys.length === 0) return new Map();
  const rows = await sql<{ destination: string; orderKey: string; jobId: string | null }[]>`
    INSERT INTO events.order_heads (tenant, destination, order_key)
    SELECT DISTINCT ${tenant}, destination, order_key FROM unnest(
      ${keys.map(({ destination }) => destination)}::text[], ${keys.map(({ orderKey }) => orderKey)}::text[]
    ) AS given (destination, order_key)
    -- In this order everybody locks them.
    ORDER BY destination, order_key
    ON CONFLICT (tenant, destination, order_key) DO UPDATE SET job_id = order_heads.job_id
    RETURNING destination, order_key AS "orderKey", job_id::text AS "jobId"`;
  return new Map(rows.flatMap((row) => (row.jobId === null ? [] : [[chainOf(row), BigInt(row.jobId)] as const])));
}

/** Makes these the newest deliveries of their keys; the last of a key counts. */
export async function moveOrderHeads(
  sql: Sql,
  tenant: string,
  added: readonly (OrderKey & { readonly jobId: bigint })[],
): Promise<void> {
  const last = [...new Map(added.map((each) => [chainOf(each), each])).values()];
  if (last.length === 0) return;
  await sql`
    UPDATE events.order_heads SET job_id = given.job_id FROM unnest(
      ${last.map(({ destination }) => destination)}::text[], ${last.map(({ orderKey }) => orderKey)}::text[],
      ${last.map(({ jobId }) => String(jobId))}::text[]::bigint[]
    ) AS given (destination, order_key, job_id)
    WHERE order_heads.tenant = ${tenant} AND order_heads.destination = given.destination
      AND order_heads.order_key = given.order_key`;
}

/** Forgets keys whose newest delivery has ended, in the caller's transaction (READ COMMITTED). */
export async function removeEndedHeads(sql: Sql, tenant: string): Promise<void> {
  const ended = sql`
    NOT EXISTS (
      SELECT FROM control.jobs
      WHERE jobs.tenant = order_heads.tenant AND jobs.job_id = order_heads.job_id AND state IN ('blocked', 'ready', 'leased')
    )`;
  const locked = await sql<{ destination: string; orderKey: string }[]>`
    SELECT destination, order_key AS "orderKey" FROM events.order_heads
    WHERE tenant = ${tenant} AND ${ended}
    ORDER BY destination, order_key
    FOR UPDATE SKIP LOCKED`;
  if (locked.length === 0) return;
  // A statement of its own, which sees the deliveries that were added while the first one ran: to that one, they had ended.
  await sql`
    DELETE FROM events.order_heads USING unnest(
      ${locked.map(({ destination }) => destination)}::text[], ${locked.map(({ orderKey }) => orderKey)}::text[]
    ) AS given (destination, order_key)
    WHERE order_heads.tenant = ${tenant} AND order_heads.destination = given.destination
      AND order_heads.order_key = given.order_key AND ${ended}`;
}
