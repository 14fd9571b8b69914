import type { Asset } from "../canonical/asset.ts";
import { InputError } from "../canonical/input-error.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { type Aliases, chiefName, pairIdentity } from "./aliases.ts";

/** A chain as an operator writes it: each leg in either direction. */
export interface TriangulationSettings {
  readonly target: Pair;
  readonly legs: readonly Pair[];
}

/** The way from a target's base to its quote, through other markets. */
export interface Chain {
  /** {@link pairIdentity} of the target. */
  readonly target: string;
  /** The assets on the way, base first and quote last, by their chief names. */
  readonly path: readonly Asset[];
}

/** Legs of the longest chain. */
export const LONGEST_CHAIN = 8;

/**
 * The chain that the legs make: each begins, in either direction, where the one before it ends.
 * @throws InputError that names the leg which does not fit
 */
export function chainOf({ target, legs }: TriangulationSettings, aliases: Aliases): Chain {
  if (legs.length < 2) throw new InputError(`a triangulation of ${formatPair(target)} needs two legs or more`);
  if (legs.length > LONGEST_CHAIN) {
    throw new InputError(`a triangulation of ${formatPair(target)} has more than ${LONGEST_CHAIN} legs`);
  }
  const chief = (asset: Asset): Asset => chiefName(asset, aliases);
  const path = [chief(target.base)];
  for (const leg of legs) {
    const here = path.at(-1) as Asset;
    const [base, quote] = [chief(leg.base), chief(leg.quote)];
    if (here !== base && here !== quote) throw new InputError(`leg ${formatPair(leg)} does not go on from ${here}`);
    const next = here === base ? quote : base;
    if (path.includes(next)) throw new InputError(`leg ${formatPair(leg)} leads back to ${next}`);
    path.push(next);
  }
  const end = path.at(-1) as Asset;
  if (end !== chief(target.quote)) {
    throw new InputError(`the legs of ${formatPair(target)} end at ${end}, not at ${target.quote}`);
  }
  return { target: pairIdentity(target, aliases), path };
}
