import type { TestDatabase } from "../connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { type Destination, type DestinationLimits, declareDestinations } from "./destinations.ts";
import type { NewEvent } from "./event.ts";
import { type RecordedResult, recordEvents } from "./record.ts";

/** An event of tests; `given` replaces parts of it. */
export function newEvent(given: Partial<NewEvent> = {}): NewEvent {
  return {
    ...{ sender: "", id: "1", type: "event.posted", pair: null, body: '{"id":"1"}', traceparent: null },
    receivedAt: 1_790_000_000_000_000n,
    ...given,
  };
}

/** A destination that is told of everything, at once; `given` replaces parts of it. */
export function newDestination(given: Partial<Destination & DestinationLimits> = {}): Destination & DestinationLimits {
  return {
    destination: "board",
    filter: { events: [], pairs: [], where: [] },
    orderKey: null,
    maxAttempts: 3,
    concurrency: 8,
    pace: null,
    ...given,
  };
}

/** Records events, each with the transaction of a call. */
export function record(
  { sql }: Pick<TestDatabase, "sql">,
  tenant: string,
  events: readonly NewEvent[],
): Promise<RecordedResult[]> {
  return inTransaction(sql, READ_COMMITTED, (transaction) => recordEvents(transaction, tenant, events));
}

/** Declares the destinations of a tenant. */
export function declare(
  { sql }: Pick<TestDatabase, "sql">,
  tenant: string,
  destinations: readonly (Destination & DestinationLimits)[],
): Promise<void> {
  return inTransaction(sql, READ_COMMITTED, (transaction) => declareDestinations(transaction, tenant, destinations));
}
