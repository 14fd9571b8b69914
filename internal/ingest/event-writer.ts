import { retryConflicts } from "../storage/connection/conflicts.ts";
import type { Database } from "../storage/connection/database.ts";
import { commitDurably } from "../storage/connection/durable-commit.ts";
import { inTransaction, READ_COMMITTED } from "../storage/connection/transaction.ts";
import type { NewEvent } from "../storage/events/event.ts";
import { recordEvents } from "../storage/events/record.ts";
import { storeInHalves } from "./store-in-halves.ts";

/** What became of an event. */
export type EventResult =
  | { readonly status: "new" | "known" | "conflict" }
  /** The database refuses it. */
  | { readonly status: "rejected"; readonly reason: string };

/** Records events, and says what became of each, in order. They are on disk once it resolves. */
export type EventWriter = (events: readonly NewEvent[]) => Promise<EventResult[]>;

/**
 * Returns a writer that records events once, with their deliveries. An event that the database refuses does not keep the
 * others out.
 */
export function makeEventWriter({ sql, breaker, engine }: Database, tenant: string): EventWriter {
  const record = async (events: readonly NewEvent[]): Promise<EventResult[]> => {
    const results = await inTransaction(sql, READ_COMMITTED, async (transaction) => {
      if (engine !== "embedded") await commitDurably(transaction);
      return recordEvents(transaction, tenant, events);
    });
    return results.map(({ status }) => ({ status }));
  };
  return storeInHalves<NewEvent, EventResult>(
    (events) => retryConflicts(() => breaker.run(() => record(events))),
    (reason) => ({ status: "rejected", reason }),
  );
}
