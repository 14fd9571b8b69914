import { type Asset, isContract } from "../../canonical/asset.ts";
import { InputError, quoted } from "../../canonical/input-error.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { contractOf, networkPassphrase } from "../../canonical/stellar-contract.ts";
import { isStrkey } from "../../canonical/strkey.ts";
import type { CollectedFeed } from "../feed.ts";
import type { Tokens } from "./swap.ts";

/** A filter of `getEvents` has so many contracts. */
const MOST_POOLS = 5;
/** Two feeds may be traded in the same pool, so that a market's name has its pair, too. */
const BETWEEN = " in ";
const NETWORK = networkPassphrase("public");

/** Returns the market of a pair in pools that are named. @throws InputError where there are none, or the pair has no contracts */
export function readPools(name: string, pair: Pair): string {
  const pools = name.split(/[\s,]+/).filter((key) => key !== "");
  for (const key of pools) {
    if (!isStrkey(key, "C"))
      throw new InputError(`market has ${quoted(key)}, which is no contract; write the pool's, C…`);
  }
  if (pools.length === 0 || pools.length > MOST_POOLS || new Set(pools).size < pools.length) {
    throw new InputError(`market is to have 1 to ${MOST_POOLS} different pools, such as "C… C…"`);
  }
  for (const asset of [pair.base, pair.quote]) contractOfAsset(asset);
  return `${formatPair(pair)}${BETWEEN}${pools.join(" ")}`;
}

export function poolsOf({ market }: CollectedFeed): readonly string[] {
  return market.slice(market.indexOf(BETWEEN) + BETWEEN.length).split(" ");
}

export function tokensOf({ pair }: CollectedFeed): Tokens {
  return { base: contractOfAsset(pair.base), quote: contractOfAsset(pair.quote) };
}

function contractOfAsset(asset: Asset): string {
  const contract = contractOf(asset, NETWORK);
  if (contract !== null) return contract;
  const cure = asset === "crypto:XLM" ? "write native" : "write native or CODE-ISSUER";
  throw new InputError(
    isContract(asset)
      ? `${asset} is a contract, whose decimals are not known; ${cure}, which have 7`
      : `${asset} is no asset of Stellar; ${cure}`,
  );
}
