import { type Asset, classicParts, isContract } from "../canonical/asset.ts";
import type { Pair } from "../canonical/pair.ts";
import { contractOf } from "../canonical/stellar-contract.ts";
import type { Micros } from "../canonical/time.ts";
import { pairIdentity } from "./aliases.ts";
import type { Policy } from "./policy.ts";
import type { TradeReader } from "./reader.ts";

/**
 * Returns the policy with aliases for the contracts in the pairs and their chains: each contract becomes an alias of
 * the classic asset that it derives from (CAP-46-6), if that asset was ever traded. A contract id is a hash and cannot
 * be inverted, so the classic asset is searched among the traded ones. The policy's id and the pair identities do not
 * change.
 * @param within maximum age of the cached list of traded assets, in microseconds; 0, as published values need, reads
 * anew
 */
export async function resolveContracts(
  reader: Pick<TradeReader, "classicAssets">,
  policy: Policy,
  pairs: readonly Pair[],
  within: Micros = 0n,
): Promise<Policy> {
  const { aliases, chains } = policy;
  const sides = pairs.flatMap((pair) => [
    pair.base,
    pair.quote,
    ...(chains.get(pairIdentity(pair, aliases))?.path ?? []),
  ]);
  const ungrouped = [...new Set(sides)].filter((asset) => !aliases.groups.has(asset));
  const unresolved = ungrouped.filter(isContract);
  const found = unresolved.length === 0 ? [] : await reader.classicAssets(unresolved, aliases.network, within);
  const derived = ungrouped.flatMap((asset): [Asset, Asset][] => {
    const contract = classicParts(asset) && contractOf(asset, aliases.network);
    return contract === null ? [] : [[contract, asset]];
  });
  const contracts = new Map([...found, ...derived]);
  return contracts.size === 0 ? policy : { ...policy, aliases: { ...aliases, contracts } };
}
