import type { Sql } from "../connection/pool.ts";

/** The last of the index's own events of one thing. */
export interface LastEvent {
  readonly type: string;
  /** What its id says of when it happened. */
  readonly at: string;
  /** Its data; null where they are in the archive only. */
  readonly body: string | null;
}

/** Returns the id of an own event about a thing at a time: ids of one thing sort by time where the texts of times do. */
export const ownEventId = (thing: string, at: string): string => `${thing}@${at}`;

/** Returns the last of the index's own events of each thing, by thing; see {@link ownEventId}. */
export async function readLastEvents(
  sql: Sql,
  tenant: string,
  things: readonly string[],
): Promise<ReadonlyMap<string, LastEvent>> {
  if (things.length === 0) return new Map();
  const rows = await sql<{ thing: string; id: string; type: string; body: string | null }[]>`
    SELECT thing, id, type, body
    FROM unnest(${things as string[]}::text[]) AS given (thing)
    CROSS JOIN LATERAL (
      SELECT id, type, body FROM events.events
      -- No text of a time has a byte above that of a tilde.
      WHERE tenant = ${tenant} AND sender = '' AND id > thing || '@' AND id < thing || '@~'
      ORDER BY id DESC LIMIT 1
    ) AS last`;
  return new Map(rows.map(({ thing, id, type, body }) => [thing, { type, body, at: id.slice(thing.length + 1) }]));
}

/** An own event, as {@link readOwnEvents} returns it. */
export type OwnEventOnRecord = Omit<LastEvent, "type">;

/** Returns the index's own events of one thing, the newest thousand by what their ids say of the time, newest first. */
export async function readOwnEvents(sql: Sql, tenant: string, thing: string): Promise<OwnEventOnRecord[]> {
  const rows = await sql<{ id: string; body: string | null }[]>`
    SELECT id, body FROM events.events
    WHERE tenant = ${tenant} AND sender = '' AND id > ${`${thing}@`} AND id < ${`${thing}@~`}
    ORDER BY id DESC LIMIT 1000`;
  return rows.map(({ id, body }) => ({ body, at: id.slice(thing.length + 1) }));
}
