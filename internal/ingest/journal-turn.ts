import type { MaybePromise } from "../lib/maybe-promise.ts";

/** The turn of those who write past a journal, and keep the order in which they were answered. */
export interface JournalTurn {
  /** Returns whether the journal is empty, once it is; false at once where that may take a while. */
  readonly come: () => MaybePromise<boolean>;
  /** Says that records of the journal were stored. */
  readonly drained: () => void;
}

/** So many records are stored in less time than the sender of an event waits. */
const FEW_RECORDS = 200;

/** @param depth returns how many records are in the journal */
export function makeJournalTurn(depth: () => number): JournalTurn {
  let waiting: (() => void)[] = [];
  return {
    come: () => {
      const records = depth();
      if (records === 0) return true;
      if (records > FEW_RECORDS) return false;
      return new Promise((resolve) => waiting.push(() => resolve(true)));
    },
    drained: () => {
      if (depth() > 0) return;
      const ready = waiting;
      waiting = [];
      for (const go of ready) go();
    },
  };
}
