import type { Docs } from "./type.ts";

/** The prose of `[collect]` and `[[feeds]]`. */
export const feedsDocs: Docs = {
  "collect.endpoints": `
    Where a source is reached instead of its venue's own addresses: a proxy, another region, a server of your own (such as a Horizon), or
    a stand-in for tests. \`live\` is for the stream, \`rest\` for requests. Soroswap, Aquarius and Phoenix have no addresses: theirs are the
    URL of a Stellar RPC node, as live and rest, of your own or of a provider:
  `,

  feeds: `
    Markets that are collected from their venues, without a key (docs/collectors.md). The control daemon declares them to the ledger and
    keeps a job for each source; workers do it. \`connector\` is the protocol, by default that of the source's name, and horizon for sdex.
    \`market\` is what the venue calls the market, where its name does not follow from the pair; for Soroswap, Aquarius and Phoenix the contracts of
    the pools, one to five with blanks between. \`start\` is the time from which the feed is
    to be complete, by default when it was declared first; what is missing since then is fetched. Write one [[feeds]] per market:
  `,
};
