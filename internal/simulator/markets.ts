import { type Asset, parseAsset } from "../canonical/asset.ts";
import { hashText } from "./noise.ts";

/** One venue's market, with one trade per slot. */
export interface Market {
  readonly source: string;
  readonly base: Asset;
  readonly quote: Asset;
  /** Separates the market's random numbers from those of other markets. */
  readonly key: number;
  /** Seconds per trade. */
  readonly slot: number;
  /** Length of a run of slots; one trade of each run is a block trade. */
  readonly slotsPerBlock: number;
  readonly priceDecimals: number;
  readonly size: Size;
  /** Maximum distance of a price from the mid price, relative to it. */
  readonly spread: number;
  /** Decimals to which quote amounts are rounded; null: exact price × size. */
  readonly quoteDecimals: number | null;
  /** Whether the market has occasional mistyped prices. */
  readonly fatFingers: boolean;
}

/** Median USD value of an ordinary trade and decimals of base amounts; one unit for sources that only report prices. */
export type Size = { readonly usd: number; readonly decimals: number } | "one unit";

// Thinned markets must still reach the default volume floor in 5 minutes, so that each has two blocks per 5 minutes.
const FIAT_BLOCK_SECONDS = 100;
const OTHER_BLOCK_SECONDS = 200;

const ASSETS = {
  XLM: { priceDecimals: 5, size: { usd: 900, decimals: 4 } },
  BTC: { priceDecimals: 2, size: { usd: 1_600, decimals: 8 } },
  ETH: { priceDecimals: 2, size: { usd: 1_200, decimals: 6 } },
} as const;
type Ticker = keyof typeof ASSETS;
const TICKERS = Object.keys(ASSETS) as Ticker[];

const FAT_FINGERED = new Set([
  "coinbase crypto:BTC/fiat:USD",
  "kraken crypto:ETH/fiat:USD",
  "bitstamp crypto:XLM/fiat:USD",
]);

/** All simulated markets. The block length must be a multiple of the slot length. */
export const MARKETS: readonly Market[] = [
  ...exchange("coinbase", "fiat:USD", { XLM: 4, BTC: 2, ETH: 2 }, 0.0001),
  ...exchange("coinbase", "fiat:EUR", { XLM: 10, BTC: 10, ETH: 10 }, 0.0002),
  ...exchange("coinbase", "fiat:GBP", { XLM: 10, BTC: 10, ETH: 10 }, 0.0002),
  ...exchange("kraken", "fiat:USD", { XLM: 5, BTC: 4, ETH: 4 }, 0.00015),
  ...exchange("kraken", "fiat:EUR", { XLM: 4, BTC: 4, ETH: 4 }, 0.00015),
  ...exchange("kraken", "fiat:GBP", { XLM: 10, BTC: 10, ETH: 10 }, 0.0003),
  ...exchange("bitstamp", "fiat:USD", { XLM: 5, BTC: 5, ETH: 5 }, 0.0002),
  ...exchange("bitstamp", "fiat:EUR", { XLM: 10, BTC: 10, ETH: 10 }, 0.0003),
  ...exchange("bitstamp", "fiat:GBP", { XLM: 20, BTC: 20, ETH: 20 }, 0.0004),
  ...exchange("binance", "crypto:USDT", { XLM: 4, BTC: 2, ETH: 2 }, 0.00005),
  ...exchange("binance", "crypto:USDC", { XLM: 5, BTC: 4, ETH: 4 }, 0.00005),
  market("sdex", "native", "crypto:USDC", 5, {
    priceDecimals: 7,
    size: { usd: 150, decimals: 7 },
    spread: 0.001,
    quoteDecimals: 7,
  }),
  ...["fiat:EUR", "fiat:GBP"].map((currency) =>
    market("massive", currency, "fiat:USD", 5, { priceDecimals: 5, size: "one unit", spread: 0.00003 }),
  ),
  ...["fiat:USD", "fiat:EUR", "fiat:GBP"].flatMap((quote) =>
    TICKERS.map((ticker) =>
      market("coingecko", `crypto:${ticker}`, quote, 20, { priceDecimals: 6, size: "one unit", spread: 0.0005 }),
    ),
  ),
];

function exchange(source: string, quote: string, slots: Readonly<Record<Ticker, number>>, spread: number): Market[] {
  return TICKERS.map((ticker) =>
    market(source, `crypto:${ticker}`, quote, slots[ticker], { ...ASSETS[ticker], spread }),
  );
}

function market(
  source: string,
  base: string,
  quote: string,
  slot: number,
  terms: Pick<Market, "priceDecimals" | "size" | "spread"> & Partial<Pick<Market, "quoteDecimals">>,
): Market {
  const name = `${source} ${base}/${quote}`;
  const isFiatMarket = quote.startsWith("fiat:") && terms.size !== "one unit";
  return {
    quoteDecimals: null,
    ...terms,
    source,
    base: parseAsset(base),
    quote: parseAsset(quote),
    key: hashText(name),
    slot,
    slotsPerBlock: (isFiatMarket ? FIAT_BLOCK_SECONDS : OTHER_BLOCK_SECONDS) / slot,
    fatFingers: FAT_FINGERED.has(name),
  };
}
