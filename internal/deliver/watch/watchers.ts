import { formatPair } from "../../canonical/pair.ts";
import { retryConflicts } from "../../storage/connection/conflicts.ts";
import { inTransaction, READ_COMMITTED } from "../../storage/connection/transaction.ts";
import type { NewEvent } from "../../storage/events/event.ts";
import { recordEvents } from "../../storage/events/record.ts";
import { watchDivergence } from "./divergence.ts";
import { watchGaps } from "./gaps.ts";
import { watchIncidents } from "./incidents.ts";
import { type PriceWatcherParts, watchPrices } from "./prices.ts";
import { watchSilence } from "./silence.ts";

/** Records all of the index's own events (docs/events.md) until the signal aborts; any number of daemons may do so. */
export async function runWatchers(given: Omit<PriceWatcherParts, "record">, signal: AbortSignal): Promise<void> {
  const { database, tenant, targets } = given;
  const parts = {
    ...given,
    pairs: [...new Map(targets.map(({ pair }) => [formatPair(pair), pair])).values()],
    record: async (events: readonly NewEvent[]) => {
      await retryConflicts(() =>
        inTransaction(database.sql, READ_COMMITTED, (sql) => recordEvents(sql, tenant, events)),
      );
    },
  };
  await Promise.all([
    watchPrices(parts, signal),
    watchDivergence(parts, signal),
    watchIncidents(parts, signal),
    watchGaps(parts, signal),
    watchSilence(parts, signal),
  ]);
}
