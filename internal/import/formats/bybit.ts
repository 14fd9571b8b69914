import { InputError, quoted } from "../../canonical/input-error.ts";
import type { Format } from "./format.ts";
import { pairOfSymbol, type SymbolRule } from "./symbols.ts";
import { sinceEpoch } from "./time-rules.ts";

const PERPETUALS: SymbolRule = { quotes: ["USDT", "USDC"] };
const USDC_PERPETUAL = /^([A-Z0-9]+)PERP$/;

/** Files of public.bybit.com/trading: perpetuals and futures. */
export const BYBIT: Format = {
  name: "bybit",
  title: "Bybit public data, perpetuals in USDT and USDC",
  keys: ["timestamp", "symbol", "side", "size", "price", "trdMatchID", "homeNotional"],
  without: ["trdType"],
  hasHeader: true,
  isJson: false,
  columns: { ts: "timestamp", price: "price", size: "size", trade_id: "trdMatchID" },
  time: sinceEpoch("s"),
  source: { always: "bybit-futures" },
  pair: {
    column: "symbol",
    pairOf(symbol) {
      const base = USDC_PERPETUAL.exec(symbol)?.[1];
      if (base !== undefined) return pairOfSymbol(`${base}USDC`, PERPETUALS);
      if (symbol.includes("-") || /USD(?:[A-Z]\d\d)?$/.test(symbol)) {
        throw new InputError(
          `symbol ${quoted(symbol)} is an inverse or a dated contract; their sizes are not amounts of an asset, or their prices not spot prices`,
        );
      }
      return pairOfSymbol(symbol, PERPETUALS);
    },
  },
  ids: "`trdMatchID`",
};
