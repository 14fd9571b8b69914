import type { Format } from "./format.ts";
import { pairOfSymbol, type SymbolRule } from "./symbols.ts";
import { sinceEpoch } from "./time-rules.ts";

/** `BTCUSDT_2025-05-19.csv.gz`, `BTCUSDT-2022-11.csv.gz`. */
const FILE_NAME = /^([A-Z0-9]+)[_-]\d{4}-\d{2}(?:-\d{2})?(?![\w-])/;

export const BYBIT_SYMBOLS: SymbolRule = {
  quotes: "USDT USDC BTC ETH DAI USDE MNT EUR BRL TRY PLN".split(" "),
};

/** Files of public.bybit.com/spot. */
export const BYBIT_SPOT: Format = {
  name: "bybit-spot",
  title: "Bybit public data, spot",
  keys: ["id", "timestamp", "price", "volume", "side"],
  hasHeader: true,
  isJson: false,
  columns: { ts: "timestamp", price: "price", size: "volume", trade_id: "id" },
  time: sinceEpoch("ms"),
  source: { always: "bybit" },
  pair: { inName: (name) => FILE_NAME.exec(name)?.[1], pairOf: (symbol) => pairOfSymbol(symbol, BYBIT_SYMBOLS) },
  ids: "`id`, which counts from 1 in each file: import either days or months",
};
