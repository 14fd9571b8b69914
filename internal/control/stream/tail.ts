import type postgres from "postgres";
import {
  type HistorySnapshot,
  readHistorySnapshot,
  readTransitions,
  type Tenants,
  type Transition,
} from "../../storage/control/history-tail.ts";

const BATCH = 1000;
const MOST_MARKS = 256;
/** Transactions that run at the start may have numbered entries below those that can be seen, but hardly so far below. */
const OVERLAP = 100_000n;

/** What is known of entries: transactions from `next` on number theirs above `lastEntry`. */
type Mark = Pick<HistorySnapshot, "next" | "lastEntry">;

/** Follows the history: each poll returns the transitions that were committed since the one before, each once. */
export interface Tail {
  /** Calls `take` with batches of transitions that are new. Where the database fails, the next poll begins again. */
  readonly poll: (take: (batch: readonly Transition[]) => void) => Promise<void>;
  /** Every entry up to this number that will ever be there has been returned. */
  readonly position: () => bigint;
  /** What could be seen at the last poll. */
  readonly snapshot: () => HistorySnapshot;
}

/**
 * Begins to follow the history from now on. Entries are committed in another order than they are numbered, so that what is new is
 * told by the transactions that have ended since the last poll, however long they took; a transaction that stays open
 * delays no other one.
 */
export async function makeTail(sql: postgres.Sql, tenants: Tenants): Promise<Tail> {
  let seen = await readHistorySnapshot(sql, tenants);
  const base = seen.lastEntry > OVERLAP ? seen.lastEntry - OVERLAP : 0n;
  let marks: readonly Mark[] = [{ next: 0n, lastEntry: base }, seen];
  return {
    poll: async (take) => {
      const now = await readHistorySnapshot(sql, tenants);
      let after = floorBetween(seen, now, marks);
      for (;;) {
        const batch = await readTransitions(sql, { tenants, after, unseenAt: seen, seenAt: now, limit: BATCH });
        if (batch.length > 0) take(batch);
        const last = batch.at(-1);
        if (last === undefined || batch.length < BATCH) break;
        after = last.entryId;
      }
      seen = now;
      marks = thinned([...marks, now]);
    },
    position: () => markAt(seen.lowest, marks),
    snapshot: () => seen,
  };
}

/** Returns a number below all entries of transactions that ended between two moments. */
export function floorBetween(before: HistorySnapshot, now: HistorySnapshot, marks: readonly Mark[]): bigint {
  const stillRuns = new Set(now.running);
  const ended = before.running.filter((transaction) => !stillRuns.has(transaction));
  const oldest = ended.reduce((least, transaction) => (transaction < least ? transaction : least), before.highest);
  return markAt(oldest, marks);
}

/** Returns a number below all entries of this transaction and of all that began later; 0 where no mark tells. */
function markAt(transaction: bigint, marks: readonly Mark[]): bigint {
  return marks.findLast(({ next }) => next <= transaction)?.lastEntry ?? 0n;
}

/** Keeps every second mark of too many: with fewer marks more entries are looked at again, and none is missed. */
function thinned(marks: readonly Mark[]): readonly Mark[] {
  if (marks.length <= MOST_MARKS) return marks;
  const recent = marks.slice(-8);
  return [...marks.slice(0, -8).filter((_, index) => index % 2 === 0), ...recent];
}
