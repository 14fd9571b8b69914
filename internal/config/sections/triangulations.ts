import { z } from "zod";
import { type IssueSink, reportAt } from "../../lib/cross-checks.ts";
import { closeAliases, isSelfPair } from "../../policy/aliases.ts";
import { chainOf, MAX_CHAIN_LEGS, type TriangulationSettings } from "../../policy/routes/chain.ts";
import { checkMarkets } from "../markets.ts";
import type { DeclaredAliases } from "./declarations.ts";
import { pairField, unlessRefused } from "./fields.ts";

const triangulation = z.strictObject({
  target: pairField.describe('the pair to publish, such as "XLM/EUR"'),
  legs: z
    .array(pairField)
    .min(2)
    .max(MAX_CHAIN_LEGS)
    .describe(`a list of 2 to ${MAX_CHAIN_LEGS} pairs, such as ["XLM/USD", "EUR/USD"]`),
});

/** `[[aggregate.triangulations]]`: pairs that are priced through other markets, and these markets. */
export const triangulationsField = z.array(triangulation).max(1000);

interface Keys {
  readonly triangulations: readonly TriangulationSettings[];
  readonly aliases: DeclaredAliases;
  readonly stellar_network: string;
}

/** Reports chains that do not lead from the base of their target to its quote, and further chains of a target. */
export function checkTriangulations({ triangulations, aliases, stellar_network }: Keys, context: IssueSink): void {
  const closed = closeAliases(aliases, stellar_network);
  const targets = triangulations.map(({ target }, index) => ({
    pair: target,
    path: ["triangulations", index, "target"],
  }));
  checkMarkets(targets, closed, "one chain for each market", context);
  for (const [index, chain] of triangulations.entries()) {
    const { base, quote } = chain.target;
    if (isSelfPair(chain.target, closed)) continue;
    const right = `legs that lead from ${base} to ${quote}; each starts, in either direction, at the asset where the previous one ends`;
    unlessRefused(
      () => chainOf(chain, closed),
      (message) => reportAt(context, ["triangulations", index], message, right),
    );
  }
}
