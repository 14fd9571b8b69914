import { marketInName } from "./file-names.ts";
import type { Format } from "./format.ts";
import { pairOfSymbol, type SymbolRule } from "./symbols.ts";
import { sinceEpoch } from "./time-rules.ts";

export const BITSTAMP_SYMBOLS: SymbolRule = {
  quotes: "USD EUR GBP USDC USDT BTC ETH PAX".split(" "),
  separator: /[/-]/,
};

/** Answers of `GET /api/v2/transactions/{market}/`, and the same as CSV. */
export const BITSTAMP: Format = {
  name: "bitstamp",
  title: "Bitstamp, answers of `/api/v2/transactions/…`, JSON or CSV",
  keys: ["date", "tid", "price", "amount", "type"],
  without: ["date_ms"],
  hasHeader: true,
  isJson: true,
  columns: { ts: "date", price: "price", size: "amount", trade_id: "tid" },
  time: sinceEpoch("s"),
  source: { always: "bitstamp" },
  pair: { inName: marketInName, pairOf: (symbol) => pairOfSymbol(symbol, BITSTAMP_SYMBOLS) },
  ids: "`tid`",
};
