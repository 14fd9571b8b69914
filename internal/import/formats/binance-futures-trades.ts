import { BINANCE_PAIR } from "./binance.ts";
import { BOOLEAN, DECIMAL, type Format, INTEGER } from "./format.ts";
import { sinceEpoch } from "./time-rules.ts";

export const BINANCE_FUTURES_TRADES: Format = {
  name: "binance-futures-trades",
  title: "Binance public data, USD-M futures, trades",
  keys: ["id", "price", "qty", "quote_qty", "time", "is_buyer_maker"],
  without: ["is_best_match"],
  hasHeader: true,
  headerless: [
    ["id", INTEGER],
    ["price", DECIMAL],
    ["qty", DECIMAL],
    ["quote_qty", DECIMAL],
    ["time", INTEGER],
    ["is_buyer_maker", BOOLEAN],
  ],
  isJson: false,
  columns: { ts: "time", price: "price", size: "qty", trade_id: "id" },
  time: sinceEpoch("ms"),
  source: { always: "binance-futures" },
  pair: BINANCE_PAIR,
  ids: "`id`",
};
