import { parseDecimal } from "../internal/canonical/decimal.ts";
import { type Pair, parsePair } from "../internal/canonical/pair.ts";
import type { TradeRow } from "../internal/canonical/trade.ts";
import type { Environment } from "../test/program.ts";

export const PAIRS = ["XLM/USD", "BTC/USD", "ETH/USD"].map(parsePair);

/** A short schedule: one tick per second, and a settle time of one second. */
export function aggregatorEnvironment(database: string, redis: string, keyPrefix: string): Environment {
  return {
    STELLARINDEX_DATABASE_URL: database,
    STELLARINDEX_REDIS_URL: redis,
    STELLARINDEX_REDIS_KEY_PREFIX: keyPrefix,
    STELLARINDEX_AGGREGATE_PAIRS: PAIRS.map(({ base, quote }) => `${base}/${quote}`).join(","),
    STELLARINDEX_AGGREGATE_WINDOWS: "5s,60s",
    STELLARINDEX_AGGREGATE_VWAP_WINDOW_SECONDS: "5",
    STELLARINDEX_AGGREGATE_TWAP_WINDOW_SECONDS: "5",
    STELLARINDEX_AGGREGATE_INTERVAL_SECONDS: "1",
    STELLARINDEX_AGGREGATE_BUCKET_SECONDS: "1",
    STELLARINDEX_AGGREGATE_SETTLE_SECONDS: "1",
    STELLARINDEX_AGGREGATE_MIN_USD_VOLUME: "0",
    STELLARINDEX_AGGREGATE_OPS_LISTEN: "127.0.0.1:0",
  };
}

export function trade(pair: Pair, ts: bigint, tradeId: string): TradeRow {
  const baseAmount = parseDecimal(`${(Number(ts) % 97) + 1}.5`);
  return {
    ...pair,
    ts,
    source: "kraken",
    tradeId,
    baseAmount,
    quoteAmount: baseAmount.times(parseDecimal("0.1234567")),
  };
}
