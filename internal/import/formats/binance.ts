import { readBinanceFileTime } from "../../canonical/binance-file-time.ts";
import { InputError, quoted } from "../../canonical/input-error.ts";
import type { PairRule, TimeRule } from "./format.ts";
import { pairOfSymbol, type SymbolRule } from "./symbols.ts";

// https://github.com/binance/binance-public-data names the columns and the file names.

/** `BTCUSDT-trades-2025-01-01.zip`, `BTCUSDT-aggTrades-2025-01.csv`. */
const FILE_NAME = /^([A-Z0-9_]+)-(?:trades|aggTrades)-\d{4}-\d{2}(?:-\d{2})?(?![\w-])/;

export const BINANCE_SYMBOLS: SymbolRule = {
  quotes: (
    "USDT USDC FDUSD TUSD BUSD USDP USDS PAX DAI USD1 AEUR EURI BTC ETH BNB XRP TRX DOGE SOL DOT " +
    "EUR GBP AUD TRY BRL RUB UAH NGN ZAR PLN RON ARS JPY MXN CZK COP IDRT BIDR BKRW BVND"
  ).split(" "),
};

/** The pair is in the name of the file only. */
export const BINANCE_PAIR: PairRule = {
  inName: (name) => FILE_NAME.exec(name)?.[1],
  pairOf(symbol) {
    if (symbol.includes("_")) {
      throw new InputError(
        `symbol ${quoted(symbol)} is a COIN-M or a dated future; their sizes are not amounts of an asset, or their prices not spot prices`,
      );
    }
    return pairOfSymbol(symbol, BINANCE_SYMBOLS);
  },
};

export const BINANCE_SPOT_TIME: TimeRule = {
  said: "milliseconds since 1970, from 2025 on microseconds",
  read: readBinanceFileTime,
};
