import type { TradeRow } from "../../canonical/trade.ts";
import type { Database } from "../connection/database.ts";
import { commitDurably } from "../connection/durable-commit.ts";
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
  const firsts = firstOfEach(rows);
  const first = rows.filter((_, index) => firsts.has(index));
  return breaker.run(() =>
    inTransaction(sql, READ_COMMITTED, async (transaction) => {
      // The server handles them in this order, without a round trip in between.
      const prepared = engine === "embedded" ? null : prepare(transaction);
      const [, storedBefore] = await Promise.all([prepared, insertNew(transaction, first)]);
      const known = new Set(storedBefore);
      const isInserted = rows.map((row, index) => firsts.has(index) && !known.has(row));
      const others = rows.filter((_, index) => !isInserted[index]);
      const stored = others.length === 0 ? [] : await readStored(transaction, others, "all");
      const conflicts = new Set(stored.filter(({ isConflicting }) => isConflicting).map(({ row }) => row));
      if (conflicts.size > 0) await keepConflicts(transaction, [...conflicts]);
      return rows.map((row, index) => (isInserted[index] ? "new" : conflicts.has(row) ? "conflict" : "known"));
    }),
  );
}

/** Makes the commit durable where the server's default is not, and prepares for TimescaleDB. */
async function prepare(transaction: Sql): Promise<void> {
  await Promise.all([commitDurably(transaction), planForTimes(transaction), decompressWithoutLimit(transaction)]);
}

/** Returns the indexes of the rows whose trade does not occur earlier among them. */
function firstOfEach(rows: readonly TradeRow[]): ReadonlySet<number> {
  // Ids alone tell most batches apart.
  if (new Set(rows.map(({ tradeId }) => tradeId)).size === rows.length) return new Set(rows.keys());
  const firsts = new Map<string, number>();
  for (const [index, { base, quote, ts, source, tradeId }] of rows.entries()) {
    const identity = `${base}\n${quote}\n${ts}\n${source}\n${tradeId}`;
    if (!firsts.has(identity)) firsts.set(identity, index);
  }
  return new Set(firsts.values());
}
