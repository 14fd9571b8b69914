import { type Asset, classicParts, isContract } from "../canonical/asset.ts";
import type { Pair } from "../canonical/pair.ts";
import { contractOf } from "../canonical/stellar-contract.ts";
import type { Micros } from "../canonical/time.ts";
import { pairIdentity } from "./aliases.ts";
import type { Policy } from "./policy.ts";
import type { TradeReader } from "./reader.ts";

/**
 * The policy under which a contract on one side of the pairs, or on their chains, is the classic asset that it was made of
 * (CAP-46-6), where that was ever traded. A hash does not tell what it was made of, so that this is the one name that has to be
 * looked for; the policy's id, the pairs' names and their identities do not depend on it.
 * @param within how old what is known of the traded assets may be; what is stored for others is computed with 0
 */
export async function withContracts(
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
  const unnamed = [...new Set(sides)].filter((asset) => !aliases.groups.has(asset));
  const sought = unnamed.filter(isContract);
  const found = sought.length === 0 ? [] : await reader.classicAssets(sought, aliases.network, within);
  const named = unnamed.flatMap((asset): [Asset, Asset][] => {
    const contract = classicParts(asset) && contractOf(asset, aliases.network);
    return contract === null ? [] : [[contract, asset]];
  });
  const contracts = new Map([...found, ...named]);
  return contracts.size === 0 ? policy : { ...policy, aliases: { ...aliases, contracts } };
}
