import { formatTime, type Micros, seconds } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import type { Database } from "../../storage/connection/database.ts";
import { cover } from "../../storage/control/coverage.ts";
import type { HeldLease } from "../../storage/control/report.ts";
import { keepUnread } from "../../storage/control/unread-messages.ts";
import { batchWriterFor } from "../../storage/schema/chunked-writes.ts";
import { readTradeTimes } from "../../storage/trades/trade-times.ts";
import type { Connector, HistoryWindow, VenueDownload, VenueGet } from "../connector.ts";
import { messageUnread, tradesStored } from "../events.ts";
import { TradesUnread } from "../failures.ts";

export interface HistoryResult {
  readonly pages: number;
  readonly new: number;
  readonly known: number;
  /** Stored already with other amounts. */
  readonly conflicting: number;
  /** Without a price, because an amount is 0. */
  readonly ignored: number;
}

export interface HistoryOptions {
  readonly connector: Connector;
  readonly window: HistoryWindow;
  readonly database: Database;
  readonly tenant: string;
  readonly lease: HeldLease;
  readonly get: VenueGet;
  readonly download: VenueDownload;
  readonly now: () => Micros;
}

/** Two ways of a venue may tell the time of one trade with different precision. */
const SAME_TRADE_WITHIN: Micros = seconds(1);

/**
 * Reads a window of a feed's history, and stores the trades that are not stored yet. Each page is covered as soon as it is stored, so that a
 * later attempt has less to do.
 * @throws TradesUnread where some trades cannot be understood: these are kept as unread messages, and their page stays a gap
 */
export async function collectHistory(options: HistoryOptions, signal: AbortSignal): Promise<HistoryResult> {
  const { connector, window, database, tenant, lease, get, download, now } = options;
  const { feed, source } = window.feed;
  const result = { pages: 0, new: 0, known: 0, conflicting: 0, ignored: 0 };
  let unreadCount = 0;
  // A page may span years, where trades are as rare as rates of a day.
  const write = await batchWriterFor(database, now);
  for await (const { trades, ignored, unread, complete } of connector.history(get, window, download)) {
    signal.throwIfAborted();
    // A trade whose time was cut may have happened behind the window's begin.
    const begin = window.from - (window.from % connector.historyUnit);
    const within = trades.filter(({ ts }) => ts >= begin && ts < window.to);
    const { inserted, known, conflicting } = await write(await withoutStoredTimes(database, within));
    const stored = { inserted, known: within.length - inserted, conflicting: conflicting.length };
    tradesStored.publish({ source, via: "history", ...stored, lagSeconds: null, writeSeconds: null });
    result.pages++;
    result.new += inserted;
    result.known += known;
    result.conflicting += conflicting.length;
    result.ignored += ignored;
    unreadCount += unread.length;
    for (const { reason } of unread) messageUnread.publish({ source, reason });
    await keepUnread(
      database.sql,
      tenant,
      unread.map((each) => ({ source, ...each })),
    );
    if (unread.length === 0 && complete !== null) await cover(database.sql, tenant, feed, [complete], lease);
  }
  if (unreadCount === 0) return result;
  const span = `from ${formatTime(window.from)} to ${formatTime(window.to)}`;
  throw new TradesUnread(`${unreadCount} trades of ${feed} ${span} could not be understood; they are kept`);
}

/** Leaves out trades that are stored under the same id with a time that differs by less than a second. */
async function withoutStoredTimes(database: Database, rows: readonly TradeRow[]): Promise<readonly TradeRow[]> {
  const times = await readTradeTimes(database.sql, rows, SAME_TRADE_WITHIN);
  return rows.filter(({ tradeId, ts }) => {
    const stored = times.get(tradeId);
    return stored === undefined || stored.includes(ts);
  });
}
