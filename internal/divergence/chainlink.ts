import { InputError } from "../canonical/input-error.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import type { HttpClient } from "../http/client.ts";
import { DECIMALS, LATEST_ROUND_DATA, readDecimals, readRound } from "./chainlink-abi.ts";
import { parseEndpoint } from "./endpoint.ts";
import { ethCalls, type ResultOf } from "./json-rpc.ts";
import { NoQuote, quoteOrFailure, type Reference } from "./reference.ts";

export interface ChainlinkFeed {
  readonly pair: Pair;
  /** Address of the feed's proxy contract: 0x and 40 hex digits. */
  readonly address: string;
}

export interface ChainlinkSettings {
  /** URL of an Ethereum JSON-RPC endpoint that supports batches. */
  readonly url: string;
  readonly feeds: readonly ChainlinkFeed[];
}

/**
 * Creates the reference that reads Chainlink's price feeds from the chain.
 * @throws InputError where the URL or an address is invalid, or a pair has two feeds; the message never contains the
 * URL
 */
export function createChainlink({ url, feeds }: ChainlinkSettings, request: HttpClient): Reference {
  const endpoint = parseEndpoint(url, "chainlink");
  const addresses = addressesOf(feeds);
  /** Decimals by feed address, cached because a feed never changes them. */
  const decimals = new Map<string, number>();

  const addressOf = (pair: Pair): string | undefined => addresses.get(formatPair(pair));

  function decimalsOf(address: string, resultOf: ResultOf): number {
    const known = decimals.get(address) ?? readDecimals(resultOf({ to: address, data: DECIMALS }));
    decimals.set(address, known);
    return known;
  }

  return {
    name: "chainlink",
    covers: (pair) => addressOf(pair) !== undefined,
    fetchQuotes: (pairs, signal) => {
      const feedAddresses = [...new Set(pairs.flatMap((pair) => addressOf(pair) ?? []))];
      const results = ethCalls(
        endpoint,
        feedAddresses.flatMap((to) =>
          [LATEST_ROUND_DATA, ...(decimals.has(to) ? [] : [DECIMALS])].map((data) => ({ to, data })),
        ),
        request,
        signal,
      );
      return Promise.all(
        pairs.map((pair) =>
          quoteOrFailure(pair, async () => {
            const address = addressOf(pair);
            if (address === undefined) throw new NoQuote("unknown", "no feed of the pair is configured");
            const resultOf = await results;
            return readRound(resultOf({ to: address, data: LATEST_ROUND_DATA }), decimalsOf(address, resultOf));
          }),
        ),
      );
    },
  };
}

function addressesOf(feeds: readonly ChainlinkFeed[]): ReadonlyMap<string, string> {
  const addresses = new Map<string, string>();
  for (const { pair, address } of feeds) {
    const name = formatPair(pair);
    if (!/^0x[0-9a-fA-F]{40}$/.test(address)) {
      throw new InputError(`the address of the chainlink feed of ${name} is not 0x and 40 hex digits`);
    }
    if (addresses.has(name)) throw new InputError(`chainlink has two feeds of ${name}`);
    addresses.set(name, address.toLowerCase());
  }
  return addresses;
}
