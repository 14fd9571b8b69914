import { closeAliases, pairIdentity } from "../aggregate/aliases.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Config } from "./schema.ts";

/** The pairs to publish: those that are listed, then the targets of chains that are not among them under any name. */
export function publishedPairs({ aggregate }: Config): Pair[] {
  const { pairs, triangulations } = aggregate;
  const aliases = closeAliases(aggregate.aliases, aggregate.stellar_network);
  const listed = new Set(pairs.map((pair) => pairIdentity(pair, aliases)));
  const targets = triangulations.map(({ target }) => target);
  return [...pairs, ...targets.filter((target) => !listed.has(pairIdentity(target, aliases)))];
}
