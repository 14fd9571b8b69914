import { formatDecimal } from "../canonical/decimal.ts";
import { formatTime } from "../canonical/time.ts";
import { type TradeField, type TradeRow, type TradeTexts, validateTrade } from "../canonical/trade.ts";

/** A trade of a sender. */
export interface SentTrade extends TradeRow {
  /** The name of its API key; empty for none. */
  readonly sender: string;
}

/** What became of a trade. */
export type RowResult =
  | { readonly status: "new" | "known" | "conflict" }
  /** It can never be stored as it is. `field` is null where the reason is not about one. */
  | { readonly status: "rejected"; readonly field: TradeField | null; readonly reason: string };

/** Returns a trade as the texts that {@link readSentTrade} reads. */
export function tradeTexts(trade: TradeRow): Required<TradeTexts> {
  return {
    base_asset: trade.base,
    quote_asset: trade.quote,
    ts: formatTime(trade.ts),
    source: trade.source,
    trade_id: trade.tradeId,
    base_amount: formatDecimal(trade.baseAmount),
    quote_amount: formatDecimal(trade.quoteAmount),
  };
}

/** @throws Error where the texts are of no valid trade */
export function readSentTrade(texts: TradeTexts, sender: string): SentTrade {
  const read = validateTrade(texts);
  if ("trade" in read) return { ...read.trade, sender };
  throw new Error(`${read.problems[0]?.field} ${read.problems[0]?.reason}`);
}
