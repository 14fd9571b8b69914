import { marketInName } from "./file-names.ts";
import type { Format } from "./format.ts";
import { pairOfSymbol, type SymbolRule } from "./symbols.ts";
import { WRITTEN } from "./time-rules.ts";

export const COINBASE_SYMBOLS: SymbolRule = {
  quotes: "USD EUR GBP USDC USDT BTC ETH DAI".split(" "),
  separator: /-/,
  isSeparated: true,
};

/** Answers of `GET /products/{product_id}/trades` of Coinbase Exchange, and the same as CSV. */
export const COINBASE: Format = {
  name: "coinbase",
  title: "Coinbase Exchange, answers of `/products/…/trades`, JSON or CSV",
  keys: ["trade_id", "side", "size", "price", "time"],
  hasHeader: true,
  isJson: true,
  columns: { ts: "time", price: "price", size: "size", trade_id: "trade_id" },
  time: WRITTEN,
  source: { always: "coinbase" },
  pair: {
    column: "product_id",
    inName: marketInName,
    pairOf: (symbol) => pairOfSymbol(symbol, COINBASE_SYMBOLS),
  },
  ids: "`trade_id`",
};
