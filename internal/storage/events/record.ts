import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { addDeliveries, type RecordedEvent } from "./deliveries.ts";
import { readDestinations } from "./destinations.ts";
import { digestOf, type NewEvent } from "./event.ts";

/** What became of an event that was given. */
export interface RecordedResult {
  /** known: it was on record with the same data. conflict: with other data, which are kept beside. */
  readonly status: "new" | "known" | "conflict";
  readonly sequence: bigint;
}

const identity = ({ sender, id }: { readonly sender: string; readonly id: string }): string => `${sender}\n${id}`;

/**
 * Records events, in order, and adds a delivery for each destination that is told of one, in the caller's transaction
 * (READ COMMITTED). An event that is on record already changes nothing.
 * @returns what became of each event
 */
export async function recordEvents(sql: Sql, tenant: string, events: readonly NewEvent[]): Promise<RecordedResult[]> {
  const digests = events.map(digestOf);
  const recorded = await insert(sql, tenant, events, digests);
  const before = await findOthers(
    sql,
    tenant,
    events.filter((event) => !recorded.has(identity(event))),
  );
  const fresh: RecordedEvent[] = [];
  const conflicts: { event: NewEvent; digest: Buffer; sequence: bigint }[] = [];
  const results = events.map((event, index): RecordedResult => {
    const digest = digests[index] as Buffer;
    const key = identity(event);
    const own = recorded.get(key);
    if (own !== undefined && !own.isGiven) {
      own.isGiven = true;
      fresh.push({ ...event, sequence: own.sequence });
      return { status: "new", sequence: own.sequence };
    }
    // Not new, or again in the same call.
    const { sequence, digest: first } = (own ?? before.get(key)) as { sequence: bigint; digest: Buffer };
    if (first.equals(digest)) return { status: "known", sequence };
    conflicts.push({ event, digest, sequence });
    return { status: "conflict", sequence };
  });
  await keepConflicts(sql, tenant, conflicts);
  if (fresh.length > 0) await addDeliveries(sql, tenant, fresh, await readDestinations(sql, tenant));
  return results;
}

async function insert(
  sql: Sql,
  tenant: string,
  events: readonly NewEvent[],
  digests: readonly Buffer[],
): Promise<Map<string, { sequence: bigint; digest: Buffer; isGiven: boolean }>> {
  const rows = await sql<{ sender: string; id: string; sequence: string; digest: Buffer }[]>`
    INSERT INTO events.events (tenant, sender, id, type, pair, body, digest, traceparent, received_at)
    SELECT ${tenant}, sender, id, type, pair, body, decode(digest, 'hex'), traceparent, received_at::timestamptz
    FROM unnest(
      ${events.map(({ sender }) => sender)}::text[], ${events.map(({ id }) => id)}::text[],
      ${events.map(({ type }) => type)}::text[], ${events.map(({ pair }) => pair)}::text[],
      ${events.map(({ body }) => body)}::text[], ${digests.map((digest) => digest.toString("hex"))}::text[],
      ${events.map(({ traceparent }) => traceparent)}::text[],
      ${events.map(({ receivedAt }) => timestamptz(receivedAt))}::text[]
    ) WITH ORDINALITY AS given (sender, id, type, pair, body, digest, traceparent, received_at, place)
    ORDER BY place
    ON CONFLICT (tenant, sender, id) DO NOTHING
    RETURNING sender, id, sequence::text AS sequence, digest`;
  return new Map(
    rows.map((row) => [identity(row), { sequence: BigInt(row.sequence), digest: row.digest, isGiven: false }]),
  );
}

/** Finds events that were on record before. */
async function findOthers(
  sql: Sql,
  tenant: string,
  events: readonly NewEvent[],
): Promise<Map<string, { sequence: bigint; digest: Buffer }>> {
  if (events.length === 0) return new Map();
  const rows = await sql<{ sender: string; id: string; sequence: string; digest: Buffer }[]>`
    SELECT sender, id, sequence::text AS sequence, digest FROM events.events
    JOIN unnest(
      ${events.map(({ sender }) => sender)}::text[], ${events.map(({ id }) => id)}::text[]
    ) AS given (sender, id) USING (sender, id)
    WHERE tenant = ${tenant}`;
  return new Map(rows.map((row) => [identity(row), { sequence: BigInt(row.sequence), digest: row.digest }]));
}

async function keepConflicts(
  sql: Sql,
  tenant: string,
  conflicts: readonly { readonly event: NewEvent; readonly digest: Buffer; readonly sequence: bigint }[],
): Promise<void> {
  for (const { event, digest, sequence } of conflicts) {
    await sql`
      INSERT INTO events.conflicts (tenant, sequence, digest, body, received_at)
      VALUES (
        ${tenant}, ${String(sequence)}::bigint, decode(${digest.toString("hex")}, 'hex'), ${event.body},
        ${timestamptz(event.receivedAt)}::timestamptz
      )
      ON CONFLICT DO NOTHING`;
  }
}
