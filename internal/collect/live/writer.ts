import type { Micros } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import { asError } from "../../lib/as-error.ts";
import type { Database } from "../../storage/connection/database.ts";
import { cover, uncover } from "../../storage/control/coverage.ts";
import type { HeldLease } from "../../storage/control/report.ts";
import { keepUnread, type UnreadMessage } from "../../storage/control/unread-messages.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import type { CoverageChange, Proof } from "../coverage/proof.ts";
import { collectorFailed, messageUnread, tradesStored } from "../events.ts";

/** So many rows are written at once, without waiting for more. */
export const BATCH_ROWS = 500;
/** Rows that wait; with more, no more are taken in. */
export const MOST_WAITING = 50_000;
/** Unread messages that wait. */
const MOST_UNREAD_WAITING = 200;
/** An open interval is reported so often, in seconds. */
const REPORT_SECONDS = 1;

/** Stores what a source's connections bring. What is covered is reported after the trades in it are stored. */
export interface LiveWriter {
  readonly add: (trade: TradeRow) => void;
  /** Notes changes of what a feed covers, and its open interval. */
  readonly covered: (feed: string, changes: readonly CoverageChange[], open: Proof["open"]) => void;
  readonly reject: (message: string, reason: string) => void;
  readonly waiting: () => number;
  /** Writes everything that waits now. Rejects where the database does not take it; it waits on then. */
  readonly flush: () => Promise<void>;
}

export interface WriterOptions {
  readonly database: Database;
  readonly tenant: string;
  /** Of the job that collects: without it, coverage is left to who has it. */
  readonly lease: HeldLease;
  readonly source: string;
  readonly now: () => Micros;
  /** Seconds on a monotonic clock. */
  readonly stopwatch: () => number;
  /** Called after changes of a feed's coverage are stored: it may have a gap. */
  readonly onChanged: (feed: string) => void;
}

interface Arrived {
  readonly trade: TradeRow;
  readonly at: number;
}

interface FeedCoverage {
  changes: CoverageChange[];
  open: Proof["open"];
  reportedTo: Micros | null;
  reportedAt: number;
}

export function makeLiveWriter(options: WriterOptions): LiveWriter {
  const { database, tenant, lease, source, now, stopwatch, onChanged } = options;
  let rows: Arrived[] = [];
  let unread: UnreadMessage[] = [];
  const feeds = new Map<string, FeedCoverage>();

  async function writeBatch(batch: readonly Arrived[]): Promise<void> {
    const trades = batch.map(({ trade }) => trade);
    const { inserted, known, conflicting } = await writeTrades(database, trades);
    const newest = trades.reduce((latest, { ts }) => (ts > latest ? ts : latest), 0n);
    tradesStored.publish({
      ...{ source, via: "live", inserted, known, conflicting: conflicting.length },
      // What is told again, as a quote that has not changed, says nothing of how fast trades come.
      lagSeconds: inserted === 0 ? null : Number(now() - newest) / 1e6,
      writeSeconds: stopwatch() - (batch[0]?.at ?? 0),
    });
  }

  /** What is to be reported now: all changes, and open intervals that were not reported lately. */
  function takeCoverage(): (readonly [string, readonly CoverageChange[]])[] {
    const moment = stopwatch();
    return [...feeds].flatMap(([feed, state]) => {
      const { changes, open } = state;
      const isDue = open !== null && open.from < open.to && moment - state.reportedAt >= REPORT_SECONDS;
      if (changes.length === 0 && !isDue) return [];
      const isNew = isDue && (changes.length > 0 || state.reportedTo === null || open.to > state.reportedTo);
      state.changes = [];
      if (isNew) [state.reportedTo, state.reportedAt] = [open.to, moment];
      const all = isNew ? [...changes, { type: "cover" as const, ...open }] : changes;
      return all.length === 0 ? [] : [[feed, all] as const];
    });
  }

  async function report(feed: string, changes: readonly CoverageChange[]): Promise<void> {
    for (const [index, { type, ...interval }] of changes.entries()) {
      try {
        if (type === "cover") await cover(database.sql, tenant, feed, [interval], lease);
        else await uncover(database.sql, tenant, feed, interval, lease);
      } catch (error) {
        collectorFailed.publish({ source, step: "coverage", error: asError(error) });
        // What is not covered is read again; what is not taken back would stay wrong, so that is tried again.
        const left = changes.slice(index).filter((change) => change.type === "retract");
        const state = feeds.get(feed);
        if (state !== undefined) state.changes = [...left, ...state.changes];
        return;
      }
    }
    onChanged(feed);
  }

  let flushing: Promise<void> = Promise.resolve();
  async function flushNow(): Promise<void> {
    // Coverage that is taken now is of trades that wait now, or are stored.
    const coverage = takeCoverage();
    try {
      // What comes meanwhile is left to the next flush: with a busy venue this one would not end, and nothing would be covered.
      for (let left = rows.length; left > 0; ) {
        const batch = rows.slice(0, Math.min(left, BATCH_ROWS));
        await writeBatch(batch);
        rows = rows.slice(batch.length);
        left -= batch.length;
      }
    } catch (error) {
      for (const [feed, changes] of coverage) {
        const state = feeds.get(feed);
        if (state !== undefined) [state.changes, state.reportedTo] = [[...changes, ...state.changes], null];
      }
      throw error;
    }
    for (const [feed, changes] of coverage) await report(feed, changes);
    const messages = unread;
    unread = [];
    await keepUnread(database.sql, tenant, messages).catch((error) => {
      collectorFailed.publish({ source, step: "write", error: asError(error) });
    });
  }

  return {
    add: (trade) => {
      rows.push({ trade, at: stopwatch() });
    },
    covered: (feed, changes, open) => {
      const state = feeds.get(feed) ?? {
        changes: [],
        open: null,
        reportedTo: null,
        reportedAt: Number.NEGATIVE_INFINITY,
      };
      // An interval that begins anew is reported anew.
      const reportedTo = state.open?.from === open?.from ? state.reportedTo : null;
      feeds.set(feed, { ...state, changes: [...state.changes, ...changes], open, reportedTo });
    },
    reject: (message, reason) => {
      messageUnread.publish({ source, reason });
      if (unread.length < MOST_UNREAD_WAITING) unread.push({ source, reason, message });
    },
    waiting: () => rows.length,
    flush: () => {
      flushing = flushing.catch(() => {}).then(flushNow);
      return flushing;
    },
  };
}
