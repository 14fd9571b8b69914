import type { Connector } from "../connector.ts";
import { coingeckoHistory, decodeCoingecko } from "./decode.ts";
import { marketOf, priceUrl } from "./markets.ts";

const API = "https://api.coingecko.com/api/v3";
/** Quotes come from a cache that is renewed every minute. */
const PAUSE_SECONDS = 60;
/** A key of the demo plan has 10 000 requests a month. */
const PAUSE_WITH_KEY_SECONDS = 300;

/** Quotes of CoinGecko, by its public API; see README.md. */
export const coingecko: Connector = {
  name: "coingecko",
  source: "coingecko",
  endpoint: { live: API, rest: API },
  // Five requests a minute are the least that addresses without a key have.
  pace: { maxRate: 1 / 12, burst: 1 },
  // Quotes that were replaced between two questions are never known.
  evidence: "none",
  marketOf,
  live: {
    transport: {
      headers: ({ key }) => (key === undefined ? {} : { "x-cg-demo-api-key": key }),
      pauseSeconds: ({ key }) => (key === undefined ? PAUSE_SECONDS : PAUSE_WITH_KEY_SECONDS),
    },
    url: ({ live }, feeds) => priceUrl(live, feeds),
    subscribe: () => [],
    decode: decodeCoingecko,
    ping: null,
    silenceSeconds: null,
    probe: null,
  },
  history: coingeckoHistory,
  historyUnit: 1n,
  historySeconds: 0,
  windowSeconds: 3600,
};
