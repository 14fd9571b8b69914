import { z } from "zod";
import { closeAliases, isOneAsset } from "../aggregate/aliases.ts";
import { chainOf, LONGEST_CHAIN, type TriangulationSettings } from "../aggregate/chain.ts";
import { type IssueTaker, reportAt } from "./cross-checks.ts";
import type { DeclaredAliases } from "./declarations.ts";
import { pairField, unlessRefused } from "./fields.ts";
import { checkMarkets } from "./markets.ts";

const triangulation = z.strictObject({
  target: pairField.describe('the pair to publish, such as "XLM/EUR"'),
  legs: z
    .array(pairField)
    .min(2)
    .max(LONGEST_CHAIN)
    .describe(`a list of 2 to ${LONGEST_CHAIN} pairs, such as ["XLM/USD", "EUR/USD"]`),
});

/** `[[aggregate.triangulations]]`: pairs that get their price through other markets, and through which. */
export const triangulationsField = z.array(triangulation).max(1000);

interface Keys {
  readonly triangulations: readonly TriangulationSettings[];
  readonly aliases: DeclaredAliases;
  readonly stellar_network: string;
}

/** Reports the chains that do not lead from one side of their target to the other, and second ones of one target. */
export function checkTriangulations({ triangulations, aliases, stellar_network }: Keys, context: IssueTaker): void {
  const closed = closeAliases(aliases, stellar_network);
  const targets = triangulations.map(({ target }, index) => ({
    pair: target,
    path: ["triangulations", index, "target"],
  }));
  checkMarkets(targets, closed, "one chain for each market", context);
  for (const [index, chain] of triangulations.entries()) {
    const { base, quote } = chain.target;
    if (isOneAsset(chain.target, closed)) continue;
    const right = `legs that lead from ${base} to ${quote}, each, in either direction, from where the one before it ends`;
    unlessRefused(
      () => chainOf(chain, closed),
      (message) => reportAt(context, ["triangulations", index], message, right),
    );
  }
}
