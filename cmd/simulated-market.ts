import { formatTime } from "../internal/canonical/time.ts";
import { systemClock } from "../internal/lib/clock.ts";
import { runMarket } from "../internal/simulator/run.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";

/** A running simulated market: `ready` resolves once its history is written, `ended` after the signal. */
export interface Trading {
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
}

export const NO_MARKET: Trading = { ready: Promise.resolve(), ended: Promise.resolve() };

/** How many progress lines the writing of the history prints. */
const PROGRESS_STEPS = 4;

/** Starts the simulated market, which writes its history first, and says how far it is. */
export function startMarket(database: Database, signal: AbortSignal, say: (line: string) => void): Trading {
  let isReady = (): void => {};
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  let isComplete = false;
  let steps = 0;
  const ended = runMarket({
    ...systemClock,
    signal,
    write: (rows) => writeTrades(database, rows),
    onHistory: (written, total) => {
      // Gaps that are filled later, such as after the computer slept, are not reported.
      if (isComplete) return;
      isComplete = written === total;
      const step = Math.floor((written / total) * PROGRESS_STEPS);
      if (isComplete) {
        say(`the simulated market has a day of history (${written} trades) and is trading`);
        isReady();
      } else if (step > steps) say(`writing the history of the simulated market: ${written} of ${total} trades`);
      steps = step;
    },
    onWriteFailure: (error, retryAt) => {
      say(`the market's trades could not be written, retry at ${formatTime(retryAt)}: ${String(error)}`);
    },
  });
  return { ready, ended };
}
