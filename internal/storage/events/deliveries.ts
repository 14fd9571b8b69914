import { matches, orderKeyOf } from "../../lib/delivery-filter.ts";
import type { Sql } from "../connection/pool.ts";
import { laneOf } from "../control/submit.ts";
import { type PlacedJob, submitPlaced } from "../control/submit-placed.ts";
import type { Destination } from "./destinations.ts";
import type { NewEvent } from "./event.ts";
import { chainOf, lockOrderHeads, moveOrderHeads } from "./order-heads.ts";

/** The kind of the jobs that deliver events. */
export const DELIVER_KIND = "deliver";

/** The payload of such a job. */
export interface DeliveryPayload {
  /** The event's sequence, as text. */
  readonly event: string;
  readonly destination: string;
  /** Attempts that count, as the destination was declared when the delivery was added. */
  readonly attempts: number;
}

/** An event on record. */
export interface RecordedEvent extends NewEvent {
  readonly sequence: bigint;
}

const PRIORITY = { live: 3, replay: 7 } as const;

interface Planned {
  readonly event: RecordedEvent;
  readonly destination: Destination;
  /** Null where the destination keeps no order. */
  readonly orderKey: string | null;
}

/**
 * Adds a delivery of each event for each destination that is told of it, in the caller's transaction.
 * @returns how many were added
 */
export async function addDeliveries(
  sql: Sql,
  tenant: string,
  events: readonly RecordedEvent[],
  destinations: readonly Destination[],
  urgency: keyof typeof PRIORITY = "live",
): Promise<number> {
  const planned = events.flatMap((event): Planned[] => {
    const filtered = { ...event, data: JSON.parse(event.body) as unknown };
    return destinations
      .filter(({ filter }) => matches(filter, filtered))
      .map((destination) => ({ event, destination, orderKey: orderKeyOf(destination.orderKey, filtered) }));
  });
  if (planned.length === 0) return 0;
  const lanes = new Map<string, string>();
  for (const name of [...new Set(planned.map(({ destination }) => destination.destination))].sort()) {
    const common = {
      kind: DELIVER_KIND,
      priority: PRIORITY[urgency],
      source: name,
      host: name,
      feed: null,
      runId: null,
    };
    lanes.set(name, (await laneOf(sql, tenant, common)).lane);
  }
  const ordered = planned.flatMap(({ destination, orderKey }) =>
    orderKey === null ? [] : [{ destination: destination.destination, orderKey }],
  );
  const heads = await lockOrderHeads(sql, tenant, ordered);
  const jobs = planned.map(
    ({ event, destination, orderKey }): PlacedJob => ({
      lane: lanes.get(destination.destination) as string,
      payload: {
        event: String(event.sequence),
        destination: destination.destination,
        attempts: destination.maxAttempts,
      } satisfies DeliveryPayload,
      maxAttempts: destination.maxAttempts,
      traceparent: event.traceparent,
      chain: orderKey === null ? null : chainOf({ destination: destination.destination, orderKey }),
    }),
  );
  const ids = await submitPlaced(sql, tenant, jobs, heads);
  await moveOrderHeads(
    sql,
    tenant,
    planned.flatMap(({ destination, orderKey }, index) =>
      orderKey === null ? [] : [{ destination: destination.destination, orderKey, jobId: ids[index] as bigint }],
    ),
  );
  await sql`
    INSERT INTO events.deliveries (tenant, sequence, destination, job_id)
    SELECT ${tenant}, sequence, destination, job_id FROM unnest(
      ${planned.map(({ event }) => String(event.sequence))}::text[]::bigint[],
      ${planned.map(({ destination }) => destination.destination)}::text[],
      ${ids.map(String)}::text[]::bigint[]
    ) AS given (sequence, destination, job_id)`;
  return planned.length;
}
