import type { Asset } from "../../canonical/asset.ts";
import { InputError } from "../../canonical/input-error.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { type Aliases, pairIdentity, primaryName } from "../aliases.ts";

/** A chain as configured; each leg may be written in either direction. */
export interface TriangulationSettings {
  readonly target: Pair;
  readonly legs: readonly Pair[];
}

/** A configured path from a target's base to its quote through other markets. */
export interface Chain {
  /** {@link pairIdentity} of the target. */
  readonly target: string;
  /** The assets of the path by primary name, base first and quote last. */
  readonly path: readonly Asset[];
}

/** Maximum number of legs of a chain. */
export const MAX_CHAIN_LEGS = 8;

/**
 * Joins the legs to a chain: each must start, in either direction, where the previous one ends.
 * @throws InputError that names the leg which does not fit
 */
export function chainOf({ target, legs }: TriangulationSettings, aliases: Aliases): Chain {
  if (legs.length < 2) throw new InputError(`a triangulation of ${formatPair(target)} needs two legs or more`);
  if (legs.length > MAX_CHAIN_LEGS) {
    throw new InputError(`a triangulation of ${formatPair(target)} has more than ${MAX_CHAIN_LEGS} legs`);
  }
  const nameOf = (asset: Asset): Asset => primaryName(asset, aliases);
  const path = [nameOf(target.base)];
  for (const leg of legs) {
    const here = path.at(-1) as Asset;
    const [base, quote] = [nameOf(leg.base), nameOf(leg.quote)];
    if (here !== base && here !== quote)
      throw new InputError(`leg ${formatPair(leg)} does not contain ${here}, where it has to start`);
    const next = here === base ? quote : base;
    if (path.includes(next))
      throw new InputError(`leg ${formatPair(leg)} returns to ${next}, which the chain has already passed`);
    path.push(next);
  }
  const end = path.at(-1) as Asset;
  if (end !== nameOf(target.quote)) {
    throw new InputError(`the legs of ${formatPair(target)} end at ${end}, not at ${target.quote}`);
  }
  return { target: pairIdentity(target, aliases), path };
}
