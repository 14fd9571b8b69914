import { FIAT_CODES } from "../../canonical/fiat.ts";
import { InputError, quoted } from "../../canonical/input-error.ts";
import { BINANCE_PAIR } from "./binance.ts";
import { BITSTAMP_SYMBOLS } from "./bitstamp.ts";
import { BYBIT_SYMBOLS } from "./bybit-spot.ts";
import { COINBASE_SYMBOLS } from "./coinbase.ts";
import type { Format } from "./format.ts";
import { OPTION } from "./given.ts";
import { KRAKEN_SYMBOLS } from "./kraken.ts";
import { pairOfSymbol, type SymbolRule } from "./symbols.ts";
import { sinceEpoch } from "./time-rules.ts";

/** Tardis's names of exchanges whose amounts are amounts of the base asset, with the names of their sources. */
const SOURCES: Readonly<Record<string, string>> = {
  binance: "binance",
  "binance-futures": "binance-futures",
  "binance-us": "binance-us",
  bitfinex: "bitfinex",
  bitstamp: "bitstamp",
  "bybit-spot": "bybit",
  coinbase: "coinbase",
  gemini: "gemini",
  huobi: "huobi",
  kraken: "kraken",
  kucoin: "kucoin",
  okex: "okx",
};

const SYMBOLS: Readonly<Record<string, SymbolRule>> = {
  bitstamp: BITSTAMP_SYMBOLS,
  "bybit-spot": BYBIT_SYMBOLS,
  coinbase: COINBASE_SYMBOLS,
  kraken: KRAKEN_SYMBOLS,
};
const SEPARATED: SymbolRule = { quotes: [...FIAT_CODES], separator: /[-/_]/, isSeparated: true };

/** Files of datasets.tardis.dev, data type `trades`. */
export const TARDIS: Format = {
  name: "tardis",
  title: "Tardis, trades",
  keys: ["exchange", "symbol", "timestamp", "local_timestamp", "id", "price", "amount"],
  hasHeader: true,
  isJson: false,
  columns: { ts: "timestamp", price: "price", size: "amount", trade_id: "id" },
  time: sinceEpoch("us"),
  source: {
    column: "exchange",
    ofColumn(exchange) {
      const source = SOURCES[exchange];
      if (source !== undefined) return source;
      throw new InputError(
        `exchange ${quoted(exchange)} is not known to write amounts of the base asset rather than contracts; if it does, add ${OPTION.source}`,
      );
    },
  },
  pair: {
    column: "symbol",
    pairOf(symbol, { exchange = "" }) {
      if (exchange.startsWith("binance")) return BINANCE_PAIR.pairOf(symbol.toUpperCase(), {});
      return pairOfSymbol(symbol, SYMBOLS[exchange] ?? SEPARATED);
    },
  },
  ids: "`id`; where it is empty, derived (`--ids`)",
};
