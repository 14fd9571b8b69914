import { HOUR, MINUTE } from "../canonical/bucket.ts";
import { type Micros, seconds } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";
import { tradesBetween } from "./market.ts";

export interface MarketRun {
  /** Stores a batch atomically and idempotently. */
  readonly write: (rows: readonly TradeRow[]) => Promise<unknown>;
  readonly now: () => Micros;
  /** Resolves at `moment` or earlier, and immediately when the signal aborts. */
  readonly sleepUntil: (moment: Micros, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  /** An integer; a later run with the same seed continues the same market. */
  readonly seed?: number;
  /** Called after each batch of history with the rows written so far and in total; later gaps add to both. */
  readonly onHistory?: (writtenRows: number, totalRows: number) => void;
  /** Called when a batch could not be written; it is retried at `retryAt`. */
  readonly onWriteFailure: (error: unknown, retryAt: Micros) => void;
}

const DEFAULT_SEED = 1;

/** Length of the history: a day plus an hour, so that 24h windows that end in the last hour are complete. */
export const HISTORY_SPAN: Micros = 25n * HOUR;
/** Length of the history with full density; older history is thin, so that it is written within seconds. */
export const FULL_HISTORY_SPAN: Micros = 10n * MINUTE;

// Each span gives a batch of 1 000 to 2 000 rows.
const FULL_BATCH_SPAN = seconds(200);
const THIN_BATCH_SPAN = HOUR;

const LIVE_STEP = seconds(1);
const FIRST_BACKOFF = seconds(1);
const MAX_BACKOFF = seconds(30);

/**
 * Runs the simulated market until the signal aborts: it writes each trade within about a second after its timestamp
 * and, in between, the history of the last 25 hours, newest first. A gap of minutes (the computer slept, the database
 * was unavailable) is filled like the history: full where recent, thin before. A batch that cannot be written is
 * reported and retried with backoff. A write that is running when the signal aborts is awaited.
 */
export async function runMarket(run: MarketRun): Promise<void> {
  const { write, now, sleepUntil, signal, seed = DEFAULT_SEED, onHistory, onWriteFailure } = run;
  const history: TradeRow[][] = [];
  let totalRows = 0;
  let writtenRows = 0;
  let liveUntil = now() - HISTORY_SPAN;

  const writeNext = async (moment: Micros): Promise<void> => {
    if (moment - liveUntil >= LIVE_STEP) {
      await write(tradesBetween(seed, liveUntil, moment));
      liveUntil = moment;
      return;
    }
    const [batch] = history;
    if (batch === undefined) return sleepUntil(liveUntil + LIVE_STEP, signal);
    await write(batch);
    history.shift();
    writtenRows += batch.length;
    onHistory?.(writtenRows, totalRows);
  };

  let backoff = FIRST_BACKOFF;
  while (!signal.aborted) {
    const moment = now();
    if (moment - liveUntil > FULL_BATCH_SPAN) {
      const missed = historyBatches(seed, later(liveUntil, moment - HISTORY_SPAN), moment);
      totalRows += missed.reduce((total, batch) => total + batch.length, 0);
      history.unshift(...missed);
      liveUntil = moment;
    }
    try {
      await writeNext(moment);
      backoff = FIRST_BACKOFF;
    } catch (error) {
      const retryAt = now() + backoff;
      onWriteFailure(error, retryAt);
      backoff = backoff * 2n < MAX_BACKOFF ? backoff * 2n : MAX_BACKOFF;
      await sleepUntil(retryAt, signal);
    }
  }
}

/** Returns the trades of [from, to) in batches, newest first, because current prices need the newest ones. */
function historyBatches(seed: number, from: Micros, to: Micros): TradeRow[][] {
  const fullFrom = later(from, to - FULL_HISTORY_SPAN);
  const batches: TradeRow[][] = [];
  let end = to;
  while (end > from) {
    const isFull = end > fullFrom;
    const start = isFull ? later(fullFrom, end - FULL_BATCH_SPAN) : later(from, end - THIN_BATCH_SPAN);
    batches.push(tradesBetween(seed, start, end, isFull ? "full" : "thin"));
    end = start;
  }
  return batches;
}

function later(a: Micros, b: Micros): Micros {
  return a > b ? a : b;
}
