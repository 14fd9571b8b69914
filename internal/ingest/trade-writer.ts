import { formatPair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import { memoizeFor } from "../lib/memoize-for.ts";
import type { Policy } from "../policy/policy.ts";
import { retryConflicts } from "../storage/connection/conflicts.ts";
import type { Database } from "../storage/connection/database.ts";
import type { Sql } from "../storage/connection/pool.ts";
import { readOnly } from "../storage/connection/read-only.ts";
import { addToQuarantine } from "../storage/ingest/quarantine.ts";
import { writeSorted } from "../storage/ingest/sorted-writes.ts";
import { makeOrientationRule } from "./orientation-rule.ts";
import { type RowResult, type SentTrade, tradeTexts } from "./sent-trade.ts";
import { storeInHalves } from "./store-in-halves.ts";
import { storedOrientations } from "./stored-orientations.ts";
import { removedProblem } from "./time-limits.ts";

/** Stores trades, and says what became of each, in order. They are on disk once it resolves. */
export type TradeWriter = (rows: readonly SentTrade[]) => Promise<RowResult[]>;

/** For how long the retention horizon and the orientations of markets are believed. */
const BELIEVED_SECONDS = 60;

/**
 * Returns a writer that stores trades once, in their market's orientation. Trades that are stored with other amounts are
 * kept in quarantine. A row that the database refuses does not keep the others out.
 * @param stopwatch a monotonic clock, in seconds
 */
export function makeTradeWriter(
  database: Database,
  policy: Policy,
  { now, stopwatch }: { readonly now: () => Micros; readonly stopwatch: () => number },
): TradeWriter {
  const rule = makeOrientationRule(storedOrientations(database, policy, now), {
    seconds: BELIEVED_SECONDS,
    stopwatch,
  });
  const completeFrom = memoizeFor(BELIEVED_SECONDS, stopwatch, () =>
    readOnly(database, async (_sql, horizons) => horizons.get("trades") ?? null),
  );

  const store = storeInHalves<SentTrade, RowResult>(
    async (rows) => {
      const outcomes = await retryConflicts(() => writeSorted(database, rows, keepConflicts));
      return outcomes.map((status) => ({ status }));
    },
    (reason) => rejected(null, reason),
  );

  return async (rows) => {
    const horizon = await completeFrom();
    const removed = rows.map((row) => removedProblem(row.ts, horizon));
    // A row that is not stored must not decide about the orientation of its market.
    const isKept = await rule(rows.filter((_, index) => removed[index] === null));
    const refusals = rows.map((row, index) => {
      const problem = removed[index];
      if (problem != null) return rejected("ts", problem);
      if (isKept(row)) return null;
      const inverse = formatPair({ base: row.quote, quote: row.base });
      return rejected("base_asset", `this market is stored as ${inverse}; send it in that orientation`);
    });
    const results = await store(rows.filter((_, index) => refusals[index] === null));
    let next = 0;
    return refusals.map((refusal) => refusal ?? (results[next++] as RowResult));
  };
}

function rejected(field: Extract<RowResult, { status: "rejected" }>["field"], reason: string): RowResult {
  return { status: "rejected", field, reason };
}

function keepConflicts(transaction: Sql, conflicts: readonly SentTrade[]): Promise<void> {
  return addToQuarantine(
    transaction,
    conflicts.map((row) => quarantinedTrade(row, "conflict", "is stored with other amounts")),
  );
}

/** Returns a trade as quarantine keeps it. */
export function quarantinedTrade(row: SentTrade, kind: "conflict" | "refused", reason: string) {
  const content = Buffer.from(JSON.stringify(tradeTexts(row)));
  return { kind, sender: row.sender, reason, content, contentType: null, isCut: false };
}
