import { InputError } from "../../canonical/input-error.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { CollectedFeed } from "../feed.ts";

/** CoinGecko's ids of coins: tickers are not unique there. */
const COINS: ReadonlyMap<string, string> = new Map([
  ["native", "stellar"],
  ["crypto:XLM", "stellar"],
  ["crypto:BTC", "bitcoin"],
  ["crypto:ETH", "ethereum"],
  ["crypto:XRP", "ripple"],
  ["crypto:LTC", "litecoin"],
  ["crypto:BCH", "bitcoin-cash"],
  ["crypto:ADA", "cardano"],
  ["crypto:DOT", "polkadot"],
  ["crypto:SOL", "solana"],
  ["crypto:DOGE", "dogecoin"],
  ["crypto:LINK", "chainlink"],
  ["crypto:BNB", "binancecoin"],
  ["crypto:USDT", "tether"],
  ["crypto:USDC", "usd-coin"],
  ["crypto:DAI", "dai"],
  ["crypto:PYUSD", "paypal-usd"],
  ["crypto:EURC", "euro-coin"],
]);
/** What quotes may be in, beside currencies. */
const CRYPTO_QUOTES: ReadonlySet<string> = new Set(["crypto:BTC", "crypto:ETH"]);

/** Returns a market as id and currency, such as stellar/usd. */
export function marketOf({ base, quote }: Pair): string {
  const id = COINS.get(base);
  if (id === undefined) {
    throw new InputError(`coingecko: there is no id of ${base}; name the market, such as market = "stellar/usd"`);
  }
  if (!quote.startsWith("fiat:") && !CRYPTO_QUOTES.has(quote)) {
    throw new InputError(`coingecko has no quotes in ${quote}; write a currency, such as XLM/USD`);
  }
  return `${id}/${quote.slice(quote.indexOf(":") + 1).toLowerCase()}`;
}

/** Returns id and currency of a market. */
export function partsOf({ market }: CollectedFeed): { readonly id: string; readonly currency: string } {
  const slash = market.lastIndexOf("/");
  return { id: market.slice(0, Math.max(0, slash)), currency: market.slice(slash + 1) };
}

/** Returns the address of one question about all feeds. */
export function priceUrl(api: string, feeds: readonly CollectedFeed[]): URL {
  const parts = feeds.map(partsOf);
  const url = new URL(`${api.replace(/\/+$/, "")}/simple/price`);
  url.searchParams.set("ids", [...new Set(parts.map(({ id }) => id))].join(","));
  url.searchParams.set("vs_currencies", [...new Set(parts.map(({ currency }) => currency))].join(","));
  url.searchParams.set("include_last_updated_at", "true");
  url.searchParams.set("precision", "full");
  return url;
}
