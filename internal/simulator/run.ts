import { HOUR, MINUTE } from "../canonical/bucket.ts";
import { type Micros, seconds } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";
import { tradesBetween } from "./market.ts";

export interface MarketRun {
  /** Stores a batch atomically; to store it again changes nothing. */
  readonly write: (rows: readonly TradeRow[]) => Promise<unknown>;
  readonly now: () => Micros;
  /** Ends at the moment, or earlier; at once when the signal aborts. */
  readonly sleepUntil: (moment: Micros, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  /** A whole number; one seed is one market, so that a later run on the same database continues it. */
  readonly seed?: number;
  /** Called after each batch of history with the rows written so far and in all; a gap that is filled later adds to both. */
  readonly onHistory?: (writtenRows: number, totalRows: number) => void;
  /** A batch could not be written and is tried again after `retryAt`. */
  readonly onWriteFailure: (error: unknown, retryAt: Micros) => void;
}

const DEFAULT_SEED = 1;

/** How far back the history goes: a day, and an hour more, so that the windows of a day that end shortly before are whole. */
export const HISTORY_SPAN: Micros = 25n * HOUR;
/** How far back the history has every trade; what is older is thin, so that it is written within seconds. */
export const FULL_HISTORY_SPAN: Micros = 10n * MINUTE;

// Each makes a batch of 1 000 to 2 000 rows.
const FULL_BATCH_SPAN = seconds(200);
const THIN_BATCH_SPAN = HOUR;

const LIVE_STEP = seconds(1);
const FIRST_BACKOFF = seconds(1);
const LONGEST_BACKOFF = seconds(30);

/**
 * Trades the simulated market until the signal aborts: writes every trade within about a second of its moment, never
 * before it, and in between the last 25 hours, newest first. A gap of minutes (the computer slept, the database was
 * away) is filled like the history: full where recent, thin before. A batch that cannot be written is reported and
 * tried again for as long as it takes. A write that is under way when the signal aborts is waited for.
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
      backoff = backoff * 2n < LONGEST_BACKOFF ? backoff * 2n : LONGEST_BACKOFF;
      await sleepUntil(retryAt, signal);
    }
  }
}

/** The trades of [from, to) in batches, the newest first: whoever waits for a current price waits for the first ones. */
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
