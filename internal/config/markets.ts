import { type Aliases, isOneAsset, pairIdentity } from "../aggregate/aliases.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { type IssueTaker, reportAt } from "./cross-checks.ts";

/** Reports the pairs that are no market under the aliases, and those that name one again; `once` says what would fit. */
export function checkMarkets(
  pairs: readonly { readonly pair: Pair; readonly path: PropertyKey[] }[],
  aliases: Aliases,
  once: string,
  context: IssueTaker,
): void {
  const seen = new Map<string, Pair>();
  for (const { pair, path } of pairs) {
    const identity = pairIdentity(pair, aliases);
    const earlier = seen.get(identity);
    if (isOneAsset(pair, aliases)) {
      reportAt(context, path, `${formatPair(pair)} has one asset on both sides`, "two different assets");
    } else if (earlier !== undefined) {
      reportAt(context, path, `${formatPair(pair)} is the same market as ${formatPair(earlier)}`, once);
    } else {
      seen.set(identity, pair);
    }
  }
}
