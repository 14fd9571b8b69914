import type { Docs } from "./type.ts";

/** The prose of `[collect]` and `[[feeds]]`. */
export const feedsDocs: Docs = {
  "collect.endpoints": `
    Where a source is reached instead of its venue's own addresses: a proxy, another region, a server of your own (such as a Horizon), or
    a stand-in for tests. \`live\` is for the stream, \`rest\` for requests; what is left out stays the venue's own. Soroswap, Aquarius and Phoenix have
    none: their \`rest\` is the URL of a Stellar RPC node, of your own or of a provider. \`files\` are Binance's
    daily public files, as at https://data.binance.vision or in a directory of the same layout: long gaps are filled from them, where they have the day.
  `,

  "collect.coingecko_key": `
    Key of CoinGecko's demo plan, for feeds of the source coingecko; "" for none. With one, quotes are asked for every five minutes instead of
    every minute, since the plan limits the requests of a month. Preferably set it with STELLARINDEX_COLLECT_COINGECKO_KEY.
  `,

  feeds: `
    Markets that are collected from their venues (docs/collectors.md), none of which needs a key. The control daemon declares them to the ledger and
    keeps a job for each source; workers do it. \`connector\` is the protocol, by default that of the source's name, and horizon for sdex.
    \`market\` is what the venue calls the market, where its name does not follow from the pair; for Soroswap, Aquarius and Phoenix the contracts of
    the pools, one to five with blanks between. \`start\` is the time from which the feed is
    to be complete, by default when it was declared first; what is missing since then is fetched. Write one [[feeds]] per market:
  `,
};
