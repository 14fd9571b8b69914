import { FIAT_CODES } from "../../canonical/fiat.ts";
import { InputError, quoted } from "../../canonical/input-error.ts";
import type { Format } from "./format.ts";
import { pairOfSymbol, type SymbolRule } from "./symbols.ts";
import { sinceEpoch } from "./time-rules.ts";

const SYMBOLS: SymbolRule = { quotes: [...FIAT_CODES], separator: /\//, isSeparated: true };

/** The unified trade structure of ccxt, as `fetchTrades` returns it. */
export const CCXT: Format = {
  name: "ccxt",
  title: "ccxt, trades of `fetchTrades`, JSON, NDJSON or CSV",
  keys: ["timestamp", "datetime", "symbol", "price", "amount"],
  hasHeader: true,
  isJson: true,
  columns: { ts: "timestamp", price: "price", size: "amount", trade_id: "id" },
  time: sinceEpoch("ms"),
  source: {},
  pair: {
    column: "symbol",
    pairOf(symbol) {
      if (!/^[^/:]+\/[^/:]+$/.test(symbol)) {
        throw new InputError(
          `symbol ${quoted(symbol)} is not a spot market, such as BTC/USDT; amounts of others may be contracts`,
        );
      }
      return pairOfSymbol(symbol, SYMBOLS);
    },
  },
  ids: "`id`; where it is missing, derived (`--ids`)",
};
