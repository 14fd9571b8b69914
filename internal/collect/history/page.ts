import { InputError } from "../../canonical/input-error.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import { JsonNumber } from "../../lib/exact-json.ts";
import type { TradePage } from "../connector.ts";
import type { CollectedFeed } from "../feed.ts";
import { type TradeWords, tradeOf } from "../trade.ts";

/**
 * Reads the entries of a page; what cannot be understood is kept with its reason.
 * @param read returns null for what is no trade of the market
 */
export function pageOf<Entry>(
  feed: CollectedFeed,
  entries: readonly Entry[],
  read: (entry: Entry) => TradeWords | null,
): Omit<TradePage, "complete"> {
  const trades: TradeRow[] = [];
  const unread: { message: string; reason: string }[] = [];
  let ignored = 0;
  for (const entry of entries) {
    try {
      const words = read(entry);
      if (words === null) continue;
      const trade = tradeOf(feed, words);
      if (trade === null) ignored++;
      else trades.push(trade);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      unread.push({ message: textOf(entry), reason: error.message });
    }
  }
  return { trades, ignored, unread };
}

/** Returns an entry as JSON again, with the digits of its numbers. */
export function textOf(entry: unknown): string {
  return JSON.stringify(entry, (_key, value: unknown) => (value instanceof JsonNumber ? value.text : value)) ?? "";
}
