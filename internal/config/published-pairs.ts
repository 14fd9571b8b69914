import type { Pair } from "../canonical/pair.ts";
import { closeAliases, pairIdentity } from "../policy/aliases.ts";
import type { Config } from "./schema.ts";

/** Returns the pairs to publish: the listed ones, then the targets of chains that are not listed under any alias. */
export function publishedPairs({ aggregate }: Config): Pair[] {
  const { pairs, triangulations } = aggregate;
  const aliases = closeAliases(aggregate.aliases, aggregate.stellar_network);
  const listed = new Set(pairs.map((pair) => pairIdentity(pair, aliases)));
  const targets = triangulations.map(({ target }) => target);
  return [...pairs, ...targets.filter((target) => !listed.has(pairIdentity(target, aliases)))];
}
