import type postgres from "postgres";
import { InputError } from "../../canonical/input-error.ts";
import { formatTime } from "../../canonical/time.ts";
import { matches } from "../../lib/delivery-filter.ts";
import type { Sql } from "../connection/pool.ts";
import { type Actor, audited } from "../control/audit.ts";
import { addDeliveries, type RecordedEvent } from "./deliveries.ts";
import { type Destination, readDestinations } from "./destinations.ts";
import { type EventSelection, selectedBy } from "./list.ts";
import { readEvents, type StoredEvent } from "./read-events.ts";

/** Events that are read at a time; a body may have 256 KiB. */
const PAGE = 200;

/** Which recorded events are delivered to a destination. */
export interface Replay extends EventSelection {
  readonly destination: string;
}

/** Returns the data of an event that is in the archive only. */
export type ReadArchivedData = (event: Pick<StoredEvent, "sequence" | "archivedAs">) => Promise<string>;

/** What a replay finds. */
export interface ReplayCounts {
  /** Events that the destination is told of, and that have no delivery to it. */
  readonly events: number;
  /** Further events without a delivery, left out since their data are in an archive that is not read. */
  readonly archived: number;
}

/**
 * Counts what {@link replayEvents} would deliver.
 * @param readArchived null where no archive is read
 * @throws InputError where there is no such destination
 */
export async function countReplay(
  sql: Sql,
  tenant: string,
  replay: Replay,
  readArchived: ReadArchivedData | null,
): Promise<ReplayCounts> {
  const destination = await activeDestination(sql, tenant, replay.destination);
  const counts = { events: 0, archived: 0 };
  for await (const page of undelivered(sql, tenant, replay, readArchived)) {
    counts.archived += page.archived;
    counts.events += toldOf(destination, page.events).length;
  }
  return counts;
}

/**
 * Adds deliveries of recorded events to a destination that is told of them and has none of them yet, behind what is urgent:
 * in the order of recording, some at a time, each time with a row of the audit log. What was added stays if it is stopped.
 * @returns what was added, and what was left out
 * @throws InputError where there is no such destination
 */
export async function replayEvents(
  sql: postgres.Sql,
  actor: Actor,
  replay: Replay,
  readArchived: ReadArchivedData | null,
): Promise<ReplayCounts> {
  const { tenant } = actor;
  const destination = await activeDestination(sql, tenant, replay.destination);
  const { from, to } = replay;
  const target = {
    ...{ destination: replay.destination, type: replay.type },
    from: from === null ? null : formatTime(from),
    to: to === null ? null : formatTime(to),
  };
  const counts = { events: 0, archived: 0 };
  for await (const page of undelivered(sql, tenant, replay, readArchived)) {
    counts.archived += page.archived;
    const events = toldOf(destination, page.events);
    const [first, last] = [events[0], events.at(-1)];
    if (first === undefined || last === undefined) continue;
    counts.events += await audited(sql, actor, { action: "events.replay", target }, async (transaction) => {
      const result = await addMissing(transaction, tenant, destination, events);
      const shown = { added: result, first: String(first.sequence), last: String(last.sequence) };
      return { result, shown };
    });
  }
  return counts;
}

async function addMissing(
  sql: Sql,
  tenant: string,
  destination: Destination,
  events: readonly RecordedEvent[],
): Promise<number> {
  // Two replays to one destination take turns; the next statement sees what the other one has added.
  await sql`
    SELECT FROM events.destinations WHERE tenant = ${tenant} AND destination = ${destination.destination}
    FOR NO KEY UPDATE`;
  const rows = await sql<{ sequence: string }[]>`
    SELECT sequence::text AS sequence FROM events.deliveries
    WHERE tenant = ${tenant} AND destination = ${destination.destination}
      AND sequence = ANY(${events.map(({ sequence }) => String(sequence))}::text[]::bigint[])`;
  const there = new Set(rows.map(({ sequence }) => BigInt(sequence)));
  const missing = events.filter(({ sequence }) => !there.has(sequence));
  return addDeliveries(sql, tenant, missing, [destination], "replay");
}

/** Reads the events of a selection that have no delivery to the destination, in pages. */
async function* undelivered(
  sql: Sql,
  tenant: string,
  replay: Replay,
  readArchived: ReadArchivedData | null,
): AsyncGenerator<{ readonly events: readonly RecordedEvent[]; readonly archived: number }> {
  let after = 0n;
  for (;;) {
    const rows = await sql<{ sequence: string }[]>`
      SELECT sequence::text AS sequence FROM events.events
      WHERE tenant = ${tenant} AND sequence > ${String(after)}::bigint ${selectedBy(sql, replay)}
        AND NOT EXISTS (
          SELECT FROM events.deliveries
          WHERE deliveries.tenant = events.tenant AND deliveries.sequence = events.sequence
            AND destination = ${replay.destination}
        )
      ORDER BY events.events.sequence LIMIT ${PAGE}`;
    const sequences = rows.map(({ sequence }) => BigInt(sequence));
    const last = sequences.at(-1);
    if (last === undefined) return;
    after = last;
    const found = await readEvents(sql, tenant, sequences);
    const events: RecordedEvent[] = [];
    for (const event of sequences.flatMap((sequence) => found.get(sequence) ?? [])) {
      const body = event.body ?? (await readArchived?.(event)) ?? null;
      if (body !== null) events.push({ ...event, body });
    }
    yield { events, archived: sequences.length - events.length };
  }
}

function toldOf({ filter }: Destination, events: readonly RecordedEvent[]): RecordedEvent[] {
  return events.filter((event) => matches(filter, { ...event, data: JSON.parse(event.body) }));
}

async function activeDestination(sql: Sql, tenant: string, name: string): Promise<Destination> {
  const all = await readDestinations(sql, tenant);
  const found = all.find(({ destination }) => destination === name);
  if (found !== undefined) return found;
  const names = all.map(({ destination }) => destination).join(", ") || "none";
  throw new InputError(
    `there is no destination ${JSON.stringify(name)}; those of the configuration of the daemon that delivers: ${names}`,
  );
}
