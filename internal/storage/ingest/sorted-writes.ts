import type { TradeRow } from "../../canonical/trade.ts";
import type { Database } from "../connection/database.ts";
import type { Sql } from "../connection/pool.ts";
import { planForTimes } from "../connection/read-only.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { decompressWithoutLimit } from "../schema/chunks.ts";
import { insertNew, readStored } from "../trades/trades.ts";

/** What became of a trade: stored now, stored before, or stored before with other amounts. */
export type TradeOutcome = "new" | "known" | "conflict";

/**
 * Writes trades in one transaction, which is on disk once this resolves, and says what became of each.
 * @param keepConflicts stores the conflicting rows elsewhere, in the same transaction
 * @returns the outcomes, in the order of the rows
 * @throws CircuitOpen immediately while the database's circuit is open; the database's error if a row violates a
 * constraint: none of the batch is stored then
 */
export async function writeSorted<Row extends TradeRow>(
  { sql, breaker, engine }: Database,
  rows: readonly Row[],
  keepConflicts: (transaction: Sql, conflicts: readonly Row[]) => Promise<void>,
): Promise<TradeOutcome[]> {
  const first = firstOfEach(rows);
  return breaker.run(() =>
    inTransaction(sql, READ_COMMITTED, async (transaction) => {
      if (engine !== "embedded") await prepare(transaction);
      const known = new Set(await insertNew(transaction, first));
      const inserted = new Set(first.filter((row) => !known.has(row)));
      const others = rows.filter((row) => !inserted.has(row));
      const stored = others.length === 0 ? [] : await readStored(transaction, others, "all");
      const conflicts = new Set(stored.filter(({ isConflicting }) => isConflicting).map(({ row }) => row));
      if (conflicts.size > 0) await keepConflicts(transaction, [...conflicts]);
      return rows.map((row) => (inserted.has(row) ? "new" : conflicts.has(row) ? "conflict" : "known"));
    }),
  );
}

/** Makes the commit durable where the server's default is not, and prepares for TimescaleDB. */
async function prepare(transaction: Sql): Promise<void> {
  await Promise.all([
    transaction`
      SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`,
    planForTimes(transaction),
    decompressWithoutLimit(transaction),
  ]);
}

/** Returns the rows without those whose trade occurs earlier among them. */
function firstOfEach<Row extends TradeRow>(rows: readonly Row[]): Row[] {
  const seen = new Set<string>();
  return rows.filter(({ base, quote, ts, source, tradeId }) => {
    const before = seen.size;
    return seen.add(`${base}\n${quote}\n${ts}\n${source}\n${tradeId}`).size > before;
  });
}
