import type { Docs } from "./docs.ts";

/** The prose of `[divergence]`. */
export const divergenceDocs: Docs = {
  divergence: `
    Published prices are compared with those of others, the references; one that lies too far off gets divergence_warning.
    Nothing outside is asked unless [divergence.coingecko] or [divergence.chainlink] is given what it needs for that.
  `,

  "divergence.min_interval_seconds": "Seconds from one comparison of a pair to its next at least.",

  "divergence.threshold_pct": `
    How many per cent the median of the references may lie from our price before there is a warning.
  `,

  "divergence.min_references": "References that must have answered; where fewer did, the price was not checked.",

  "divergence.max_age_seconds": "A reference's price that is older than this many seconds does not count.",

  "divergence.timeout_ms": "Milliseconds that a reference outside may take to answer.",

  "divergence.stored_sources": `
    true counts sources of class oracle and aggregator among the references, with the prices that the table \`trades\` has
    of them.
  `,

  "divergence.coingecko.enabled": "true asks CoinGecko.",

  "divergence.coingecko.url": `
    Where its API is. A key of a paid plan needs "https://pro-api.coingecko.com/api/v3".
  `,

  "divergence.coingecko.api_key": `
    The API key, of a demo or a paid plan; "" asks without. Better kept in STELLARINDEX_DIVERGENCE_COINGECKO_API_KEY.
  `,

  "divergence.coingecko.requests_per_minute": "Requests in any minute at most; retries count.",

  "divergence.coingecko.ids": `
    CoinGecko's ids of assets. What is declared here comes on top of the default, of which "" takes an asset away.
  `,

  "divergence.chainlink.rpc_url": `
    A JSON-RPC endpoint of the chain that the feeds are on, which answers batches; "" asks none. What follows the host is
    kept as a secret, as it is often a key. Better kept in STELLARINDEX_DIVERGENCE_CHAINLINK_RPC_URL.
  `,

  "divergence.chainlink.requests_per_minute": "Requests in any minute at most; retries count.",

  "divergence.chainlink.feeds": `
    Pairs, each with the address of its feed's proxy contract. Those of Bitcoin and Ether on Ethereum's mainnet are:
  `,
};
