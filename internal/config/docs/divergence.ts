import type { Docs } from "./type.ts";

/** The prose of `[divergence]`. */
export const divergenceDocs: Docs = {
  divergence: `
    Compares published prices with reference prices from elsewhere. A price that deviates too far is answered with
    flags.divergence_warning. External services are called only if [divergence.coingecko] or [divergence.chainlink] is
    configured.
  `,

  "divergence.min_interval_seconds": "The least number of seconds between two comparisons of a pair.",

  "divergence.threshold_pct": `
    A warning is set if the median of the references deviates from the published price by more than this many per cent.
  `,

  "divergence.min_references": "The least number of references; with fewer, the price counts as not compared.",

  "divergence.max_age_seconds": "A reference price older than this many seconds does not count.",

  "divergence.timeout_ms": "Timeout of a request to an external reference, in milliseconds.",

  "divergence.stored_sources": `
    true also uses sources of class oracle and aggregator as references, with their prices from the table \`trades\`.
  `,

  "divergence.coingecko.enabled": "true uses CoinGecko as a reference.",

  "divergence.coingecko.url": `
    Base URL of CoinGecko's API. A key of a paid plan needs "https://pro-api.coingecko.com/api/v3".
  `,

  "divergence.coingecko.api_key": `
    API key of a demo or paid plan; "" sends none. Preferably set it with STELLARINDEX_DIVERGENCE_COINGECKO_API_KEY.
  `,

  "divergence.coingecko.requests_per_minute": "The most requests in any minute, retries included.",

  "divergence.coingecko.ids": `
    CoinGecko's ids of assets. Entries add to the default; "" removes a default entry.
  `,

  "divergence.chainlink.rpc_url": `
    JSON-RPC endpoint of the chain that the feeds are on; it must support batches. "" turns Chainlink off. Everything after
    the host is treated as a secret, since it often contains a key. Preferably set it with
    STELLARINDEX_DIVERGENCE_CHAINLINK_RPC_URL.
  `,

  "divergence.chainlink.requests_per_minute": "The most requests in any minute, retries included.",

  "divergence.chainlink.feeds": `
    The address of the feed's proxy contract for each pair. Bitcoin and Ether on Ethereum's mainnet are:
  `,
};
