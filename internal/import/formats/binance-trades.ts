import { BINANCE_PAIR, BINANCE_SPOT_TIME } from "./binance.ts";
import { BOOLEAN, DECIMAL, type Format, INTEGER } from "./format.ts";

export const BINANCE_TRADES: Format = {
  name: "binance-trades",
  title: "Binance public data, spot, trades",
  keys: ["id", "price", "qty", "quote_qty", "time", "is_best_match"],
  hasHeader: true,
  headerless: [
    ["id", INTEGER],
    ["price", DECIMAL],
    ["qty", DECIMAL],
    ["quote_qty", DECIMAL],
    ["time", INTEGER],
    ["is_buyer_maker", BOOLEAN],
    ["is_best_match", BOOLEAN],
  ],
  isJson: false,
  columns: { ts: "time", price: "price", size: "qty", trade_id: "id" },
  time: BINANCE_SPOT_TIME,
  source: { always: "binance" },
  pair: BINANCE_PAIR,
  ids: "`id`",
};
