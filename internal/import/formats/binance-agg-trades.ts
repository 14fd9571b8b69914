import { BINANCE_PAIR, BINANCE_SPOT_TIME } from "./binance.ts";
import { BOOLEAN, DECIMAL, type Format, INTEGER } from "./format.ts";

export const BINANCE_AGG_TRADES: Format = {
  name: "binance-agg-trades",
  title: "Binance public data, spot, aggTrades",
  keys: ["agg_trade_id", "price", "quantity", "transact_time", "is_best_match"],
  hasHeader: true,
  headerless: [
    ["agg_trade_id", INTEGER],
    ["price", DECIMAL],
    ["quantity", DECIMAL],
    ["first_trade_id", INTEGER],
    ["last_trade_id", INTEGER],
    ["transact_time", INTEGER],
    ["is_buyer_maker", BOOLEAN],
    ["is_best_match", BOOLEAN],
  ],
  isJson: false,
  columns: { ts: "transact_time", price: "price", size: "quantity", trade_id: "agg_trade_id" },
  time: BINANCE_SPOT_TIME,
  source: { always: "binance" },
  pair: BINANCE_PAIR,
  idPrefix: "a",
  ids: "`a` and `agg_trade_id`: not the trades' own, so import either trades or aggTrades",
};
