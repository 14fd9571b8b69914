import { type Asset, isFiat } from "../canonical/asset.ts";
import { type Decimal, parseDecimal } from "../canonical/decimal.ts";
import { InputError } from "../canonical/input-error.ts";
import type { Pair } from "../canonical/pair.ts";
import type { HttpClient } from "../http/client.ts";
import { isObject, JsonNumber, member, parseJson } from "../lib/exact-json.ts";
import { parseEndpoint } from "./endpoint.ts";
import { checkPrice, NoQuote, quoteOrFailure, type Reference, type ReferenceQuote, readSeconds } from "./reference.ts";

export interface CoingeckoSettings {
  /** Base URL of the API, such as https://api.coingecko.com/api/v3. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** CoinGecko's coin id by asset, one entry per alias: `native` → `stellar`. */
  readonly ids: ReadonlyMap<Asset, string>;
}

/** The location of a price in a response. */
interface Coin {
  readonly id: string;
  readonly currency: string;
}

const PRO_HOST = "pro-api.coingecko.com";
const IDS_PER_REQUEST = 100;

/**
 * Creates the reference that reads CoinGecko's `simple/price`: coins in fiat currencies.
 * @throws InputError where the URL or the key is invalid; the message contains neither
 */
export function createCoingecko({ url, apiKey, ids }: CoingeckoSettings, request: HttpClient): Reference {
  const endpoint = parseEndpoint(url, "coingecko");
  endpoint.pathname = `${endpoint.pathname.replace(/\/+$/, "")}/simple/price`;
  const headers = { accept: "application/json", ...keyHeader(endpoint, apiKey) };

  function coinOf(pair: Pair): Coin | null {
    const id = ids.get(pair.base);
    if (id === undefined || !isFiat(pair.quote)) return null;
    return { id, currency: pair.quote.slice("fiat:".length).toLowerCase() };
  }

  /** Requests the prices in pages of ids; returns the page by id. */
  function fetchPages(coins: readonly Coin[], signal: AbortSignal): ReadonlyMap<string, Promise<unknown>> {
    const unique = [...new Set(coins.map(({ id }) => id))];
    const currencies = [...new Set(coins.map(({ currency }) => currency))];
    const pages = new Map<string, Promise<unknown>>();
    for (let start = 0; start < unique.length; start += IDS_PER_REQUEST) {
      const some = unique.slice(start, start + IDS_PER_REQUEST);
      const page = request(requestUrl(endpoint, some, currencies), { headers }, signal).then(parseJson);
      for (const id of some) pages.set(id, page);
    }
    return pages;
  }

  return {
    name: "coingecko",
    covers: (pair) => coinOf(pair) !== null,
    fetchQuotes: (pairs, signal) => {
      const pages = fetchPages(
        pairs.flatMap((pair) => coinOf(pair) ?? []),
        signal,
      );
      return Promise.all(
        pairs.map((pair) =>
          quoteOrFailure(pair, async () => {
            const coin = coinOf(pair);
            if (coin === null) throw new NoQuote("unknown", "the pair is not a listed coin in a fiat currency");
            return readQuote(await pages.get(coin.id), coin);
          }),
        ),
      );
    },
  };
}

function keyHeader(endpoint: URL, apiKey: string | undefined): Record<string, string> {
  if (apiKey === undefined) return {};
  if (!/^[\x21-\x7e]+$/.test(apiKey))
    throw new InputError("the API key of coingecko must be printable ASCII without spaces");
  return { [endpoint.host === PRO_HOST ? "x-cg-pro-api-key" : "x-cg-demo-api-key"]: apiKey };
}

function requestUrl(endpoint: URL, ids: readonly string[], currencies: readonly string[]): URL {
  const url = new URL(endpoint);
  url.searchParams.set("ids", ids.join(","));
  url.searchParams.set("vs_currencies", currencies.join(","));
  url.searchParams.set("include_last_updated_at", "true");
  url.searchParams.set("precision", "full");
  return url;
}

function readQuote(page: unknown, { id, currency }: Coin): ReferenceQuote {
  if (!isObject(page)) throw new NoQuote("unreadable", "the answer is not an object of coins");
  const prices = member(page, id) ?? {};
  if (!isObject(prices)) throw new NoQuote("unreadable", `the entry of ${id} is not an object of prices`);
  const price = member(prices, currency);
  // CoinGecko lists coins that are no longer traded with null.
  if (price === undefined || price === null) throw new NoQuote("unknown", `there is no price of ${id} in ${currency}`);
  const asOf = member(prices, "last_updated_at");
  if (!(asOf instanceof JsonNumber && /^\d{1,15}$/.test(asOf.text))) {
    throw new NoQuote("unreadable", `last_updated_at of ${id} is not in whole seconds`);
  }
  return { price: checkPrice(readNumber(price)), asOf: readSeconds(BigInt(asOf.text)) };
}

function readNumber(price: unknown): Decimal {
  if (!(price instanceof JsonNumber)) throw new NoQuote("unreadable", "the price is not a number");
  try {
    return parseDecimal(price.text);
  } catch (error) {
    throw error instanceof InputError ? new NoQuote("unreadable", error.message) : error;
  }
}
