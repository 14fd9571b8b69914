import { asError } from "../lib/as-error.ts";
import type { GroupedCall } from "../lib/grouped-calls.ts";
import type { MaybePromise } from "../lib/maybe-promise.ts";
import { within } from "../lib/within.ts";
import type { JournalRecord } from "./journal/frame.ts";
import type { Journal } from "./journal/journal.ts";

/** Neither the database nor the journal took what was sent; the sender has to repeat it. */
export class NotDurable extends Error {
  override readonly name = "NotDurable";
  /** Why the journal did not; null where there is none. */
  readonly journal: Error | null;

  constructor(database: Error | null, journal: Error | null) {
    super([database, journal].flatMap((error) => error?.message ?? []).join("; "), { cause: database });
    this.journal = journal;
  }
}

/** How long something may take, in seconds. */
export interface Deadlines {
  /** The database, before the journal is used in its place. */
  readonly database: number;
  /** The journal. */
  readonly journal: number;
}

const AT_ONCE = (): boolean => true;

/** Makes items durable. */
export interface DurableWrites<Item, Outcome> {
  /**
   * Writes items to the database, or to the journal where the database does not answer in time, fails, or was last seen
   * failing; also where it is unknown whether it has written them.
   * @returns what became of the items, in order; null where they are in the journal
   * @throws NotDurable
   */
  readonly write: (items: readonly Item[], deadlines: Deadlines) => Promise<Outcome[] | null>;
  /** Says that the database works. */
  readonly trust: () => void;
  /** Whether the database was last seen working. */
  readonly isTrusted: () => boolean;
}

/**
 * @param write writes items to the database; writing them again must change nothing
 * @param recordOf returns what the journal keeps of items
 * @param journal null where there is none
 * @param turn returns whether items may be written to the database, before what is in the journal; it may wait for that
 */
export function makeDurableWrites<Item, Outcome>(
  write: (items: readonly Item[]) => GroupedCall<Outcome>,
  recordOf: (items: readonly Item[]) => JournalRecord,
  journal: Pick<Journal, "append"> | null,
  turn: () => MaybePromise<boolean> = AT_ONCE,
): DurableWrites<Item, Outcome> {
  // While the database fails nobody waits for it; the drainer finds out when it is back.
  let isTrusted = true;

  /** @returns null where it is not their turn */
  async function tryDatabase(
    items: readonly Item[],
    seconds: number,
    isInTurn: () => MaybePromise<boolean>,
  ): Promise<Outcome[] | Error | null> {
    let isLate = false;
    const calls: GroupedCall<Outcome>[] = [];
    const attempt = async (): Promise<Outcome[] | null> => {
      if (!(await isInTurn()) || isLate) return null;
      const call = write(items);
      calls.push(call);
      const outcomes = await call.outcomes;
      isTrusted = true;
      return outcomes;
    };
    try {
      return await within(seconds, attempt(), `the database did not answer within ${seconds} s`);
    } catch (error) {
      isTrusted = false;
      isLate = true;
      for (const { abandon } of calls) abandon();
      return asError(error);
    }
  }

  async function tryJournal(items: readonly Item[], seconds: number): Promise<Error | null> {
    if (journal === null) return new Error("there is no journal");
    try {
      await within(seconds, journal.append([recordOf(items)]), `the journal's disk did not answer within ${seconds} s`);
      return null;
    } catch (error) {
      return asError(error);
    }
  }

  return {
    write: async (items, deadlines) => {
      const isTried = isTrusted || journal === null;
      const tried = isTried ? await tryDatabase(items, deadlines.database, turn) : null;
      if (tried !== null && !(tried instanceof Error)) return tried;
      const journalError = await tryJournal(items, deadlines.journal);
      if (journalError === null) return null;
      const last = tried ?? (await tryDatabase(items, deadlines.database, AT_ONCE));
      if (last !== null && !(last instanceof Error)) return last;
      throw new NotDurable(last, journal === null ? null : journalError);
    },
    trust: () => {
      isTrusted = true;
    },
    isTrusted: () => isTrusted,
  };
}
