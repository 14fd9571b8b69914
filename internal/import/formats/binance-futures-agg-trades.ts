import { BINANCE_PAIR } from "./binance.ts";
import { BOOLEAN, DECIMAL, type Format, INTEGER } from "./format.ts";
import { sinceEpoch } from "./time-rules.ts";

export const BINANCE_FUTURES_AGG_TRADES: Format = {
  name: "binance-futures-agg-trades",
  title: "Binance public data, USD-M futures, aggTrades",
  keys: ["agg_trade_id", "price", "quantity", "transact_time", "is_buyer_maker"],
  without: ["is_best_match"],
  hasHeader: true,
  headerless: [
    ["agg_trade_id", INTEGER],
    ["price", DECIMAL],
    ["quantity", DECIMAL],
    ["first_trade_id", INTEGER],
    ["last_trade_id", INTEGER],
    ["transact_time", INTEGER],
    ["is_buyer_maker", BOOLEAN],
  ],
  isJson: false,
  columns: { ts: "transact_time", price: "price", size: "quantity", trade_id: "agg_trade_id" },
  time: sinceEpoch("ms"),
  source: { always: "binance-futures" },
  pair: BINANCE_PAIR,
  idPrefix: "a",
  ids: "`a` and `agg_trade_id`: not the trades' own, so import either trades or aggTrades",
};
