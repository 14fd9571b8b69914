import { compareFractions, distance, type Fraction, fractionOf, ONE } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Expansion } from "./expansion.ts";
import type { Policy } from "./policy.ts";
import { percentOf } from "./venues.ts";

/** Stored pairs, by whether their pegs hold. */
export interface PegFiltered {
  readonly kept: readonly Pair[];
  /** Their quotes trade too far from the currency that they are pegged to. */
  readonly left: readonly Pair[];
}

/**
 * Leaves out the assets whose own market against their currency lies more than `pegTolerancePct` per cent from 1; 0 is off.
 * @param pegPrice the price of an asset's own market in the bucket; null where none is known, and the asset counts
 */
export async function filterPegs(
  { named, pegged }: Expansion,
  { pegTolerancePct }: Pick<Policy, "pegTolerancePct">,
  pegPrice: (market: Pair) => Promise<Fraction | null>,
): Promise<PegFiltered> {
  if (pegTolerancePct.isZero()) return { kept: [...named, ...pegged.flatMap(({ pairs }) => pairs)], left: [] };
  const tolerance = percentOf(ONE, fractionOf(pegTolerancePct));
  const judged = await Promise.all(
    pegged.map(async ({ market, pairs }) => {
      const price = await pegPrice(market);
      return { pairs, holds: price === null || compareFractions(distance(price, ONE), tolerance) <= 0 };
    }),
  );
  const pairsWhere = (holds: boolean): Pair[] => judged.flatMap((peg) => (peg.holds === holds ? peg.pairs : []));
  return { kept: [...named, ...pairsWhere(true)], left: pairsWhere(false) };
}
