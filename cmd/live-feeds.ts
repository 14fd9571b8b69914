import { parseTypedPair } from "../internal/canonical/pair.ts";
import { type Micros, seconds } from "../internal/canonical/time.ts";
import { connected, disconnected, marketRefused } from "../internal/collect/events.ts";
import type { LoadedConfig } from "../internal/config/load.ts";
import type { Config } from "../internal/config/schema.ts";
import { makeLogDeduplicator } from "../internal/lib/log-deduplication.ts";

/** What `start --live` collects where the configuration names no feeds. */
const MARKETS: readonly (readonly [source: string, pairs: readonly string[]])[] = [
  ["kraken", ["XLM/USD", "BTC/USD", "ETH/USD", "XLM/EUR", "BTC/EUR", "ETH/EUR", "XLM/GBP", "BTC/GBP", "ETH/GBP"]],
  ["coinbase", ["XLM/USD", "BTC/USD", "ETH/USD", "XLM/EUR", "BTC/EUR", "ETH/EUR", "BTC/GBP", "ETH/GBP"]],
  ["bitstamp", ["XLM/USD", "BTC/USD", "ETH/USD"]],
  ["binance", ["XLM/USDT", "BTC/USDT", "ETH/USDT"]],
  ["sdex", ["native/USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"]],
];

/** How much of the past is fetched at the first start. */
const PAST: Micros = seconds(900);
const RATES_EVERY_SECONDS = 6 * 3600;

/**
 * Returns the configuration with what `start --live` adds where it says nothing: feeds of the big venues and of Stellar, their dollar
 * tokens counting as dollars, and the rates by which other currencies are valued.
 */
export function withLiveFeeds({ config, origins }: LoadedConfig, now: Micros): Config {
  const feeds = MARKETS.flatMap(([source, pairs]) =>
    pairs.map((pair) => ({ source, pair: parseTypedPair(pair), start: now - PAST })),
  );
  const isProxyUnset = origins.get("aggregate.enable_stablecoin_fiat_proxy")?.from === "default";
  const rates = {
    ...{ name: "live-ecb-rates", kind: "fx.import", payload: { file: "90d" }, every: RATES_EVERY_SECONDS },
    ...{ time_zone: "UTC", missed: "coalesce" as const, overlap: "skip" as const, jitter: 0 },
  };
  return {
    ...config,
    feeds: config.feeds.length > 0 ? config.feeds : feeds,
    aggregate: isProxyUnset ? { ...config.aggregate, enable_stablecoin_fiat_proxy: true } : config.aggregate,
    control: { ...config.control, schedules: [...config.control.schedules, rates] },
  };
}

/** Says which feeds are collected, and which cannot be. */
export function sayConnections(say: (line: string) => void, stopwatch: () => number): () => void {
  const repeats = makeLogDeduplicator(stopwatch);
  const subscriptions = [
    connected.subscribe(({ source, feeds }) => say(`${source}: collecting ${feeds.join(", ")}`)),
    disconnected.subscribe(({ source, feeds, reason }) => {
      repeats.log(`${feeds.join()} ${reason}`, () =>
        say(`${source}: no trades of ${feeds.join(", ")}: ${reason}; trying again`),
      );
    }),
    marketRefused.subscribe(({ feed, reason }) => say(`${feed} is not collected: ${reason}`)),
  ];
  return () => {
    for (const unsubscribe of subscriptions) unsubscribe();
  };
}
