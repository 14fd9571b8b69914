import type postgres from "postgres";
import { keepCalling } from "../lib/keep-calling.ts";
import { countLedger } from "../storage/control/ledger-counts.ts";
import { type LedgerRead, ledgerCounted, ledgerReadFailed, transitionsRead } from "./events.ts";
import { makeTail, type Tail } from "./stream/tail.ts";

/** How often each is read, in seconds. */
export interface ObserverTimes {
  readonly countSeconds: number;
  readonly historySeconds: number;
}

/**
 * Reads the ledger of all tenants on timers, until `stop`, and publishes what it reads: counts, and transitions since the start,
 * whichever process made them.
 */
export function keepObserving(sql: postgres.Sql, { countSeconds, historySeconds }: ObserverTimes) {
  let tail: Tail | null = null;
  const reads = [
    keepReading("counts", countSeconds, async () => ledgerCounted.publish({ counts: await countLedger(sql) })),
    keepReading("history", historySeconds, async () => {
      tail ??= await makeTail(sql, null);
      await tail.poll((transitions) => transitionsRead.publish({ transitions }));
    }),
  ];
  return {
    stop: () => {
      for (const { stop } of reads) stop();
    },
  };
}

/** Reads the ledger on a timer, until `stop`. A failure is published. */
export function keepReading(read: LedgerRead, everySeconds: number, work: () => Promise<unknown>) {
  return keepCalling(everySeconds, work, (error) => ledgerReadFailed.publish({ read, error }));
}
