import { formatPair, type Pair } from "../canonical/pair.ts";
import { type IssueSink, reportAt } from "../lib/cross-checks.ts";
import { type Aliases, isSelfPair, pairIdentity } from "../policy/aliases.ts";

/**
 * Reports pairs of one asset with itself, and pairs that repeat a market, under the aliases; `once` is the expected
 * value.
 */
export function checkMarkets(
  pairs: readonly { readonly pair: Pair; readonly path: PropertyKey[] }[],
  aliases: Aliases,
  once: string,
  context: IssueSink,
): void {
  const seen = new Map<string, Pair>();
  for (const { pair, path } of pairs) {
    const identity = pairIdentity(pair, aliases);
    const earlier = seen.get(identity);
    if (isSelfPair(pair, aliases)) {
      reportAt(context, path, `${formatPair(pair)} has one asset on both sides`, "two different assets");
    } else if (earlier !== undefined) {
      reportAt(context, path, `${formatPair(pair)} is the same market as ${formatPair(earlier)}`, once);
    } else {
      seen.set(identity, pair);
    }
  }
}
