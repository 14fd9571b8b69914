import { asError } from "../lib/as-error.ts";
import type { GroupedCall } from "../lib/grouped-calls.ts";
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
 * @param mayOvertake returns whether items may be written to the database now, before what is in the journal
 */
export function makeDurableWrites<Item, Outcome>(
  write: (items: readonly Item[]) => GroupedCall<Outcome>,
  recordOf: (items: readonly Item[]) => JournalRecord,
  journal: Pick<Journal, "append"> | null,
  mayOvertake: () => boolean = () => true,
): DurableWrites<Item, Outcome> {
  // While the database fails nobody waits for it; the drainer finds out when it is back.
  let isTrusted = true;

  async function tryDatabase(items: readonly Item[], seconds: number): Promise<Outcome[] | Error> {
    const { outcomes, abandon } = write(items);
    const trusted = outcomes.then((result) => {
      isTrusted = true;
      return result;
    });
    try {
      return await within(seconds, trusted, `the database did not answer within ${seconds} s`);
    } catch (error) {
      isTrusted = false;
      abandon();
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
      const isTried = (isTrusted && mayOvertake()) || journal === null;
      const tried = isTried ? await tryDatabase(items, deadlines.database) : null;
      if (tried !== null && !(tried instanceof Error)) return tried;
      const journalError = await tryJournal(items, deadlines.journal);
      if (journalError === null) return null;
      const last = tried ?? (await tryDatabase(items, deadlines.database));
      if (!(last instanceof Error)) return last;
      throw new NotDurable(last, journal === null ? null : journalError);
    },
    trust: () => {
      isTrusted = true;
    },
    isTrusted: () => isTrusted,
  };
}
