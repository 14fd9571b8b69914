import { BINANCE_AGG_TRADES } from "./binance-agg-trades.ts";
import { BINANCE_FUTURES_AGG_TRADES } from "./binance-futures-agg-trades.ts";
import { BINANCE_FUTURES_TRADES } from "./binance-futures-trades.ts";
import { BINANCE_TRADES } from "./binance-trades.ts";
import { BITCOINCHARTS } from "./bitcoincharts.ts";
import { BITSTAMP } from "./bitstamp.ts";
import { BYBIT } from "./bybit.ts";
import { BYBIT_SPOT } from "./bybit-spot.ts";
import { CCXT } from "./ccxt.ts";
import { COINBASE } from "./coinbase.ts";
import type { Format } from "./format.ts";
import { HORIZON } from "./horizon.ts";
import { KRAKEN } from "./kraken.ts";
import { KRAKEN_REST } from "./kraken-rest.ts";
import { STELLAR_ETL } from "./stellar-etl.ts";
import { TARDIS } from "./tardis.ts";

/** All formats that `import` reads besides its own; a new one is added here only. */
export const FORMATS: readonly Format[] = [
  BINANCE_TRADES,
  BINANCE_AGG_TRADES,
  BINANCE_FUTURES_TRADES,
  BINANCE_FUTURES_AGG_TRADES,
  KRAKEN,
  KRAKEN_REST,
  COINBASE,
  BITSTAMP,
  BITCOINCHARTS,
  BYBIT,
  BYBIT_SPOT,
  TARDIS,
  CCXT,
  HORIZON,
  STELLAR_ETL,
];

/** Returns the format of a name; undefined if there is none. */
export function formatNamed(name: string): Format | undefined {
  return FORMATS.find((format) => format.name === name);
}
