import { expandPair } from "../aggregate/expansion.ts";
import type { Policy } from "../aggregate/policy.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import type { Database } from "../storage/database.ts";
import { readLastPrices } from "../storage/last-prices.ts";
import type { NamedQuote } from "./compare.ts";

/** The last prices within `maxAge` that sources in the database gave of each pair, by {@link formatPair}. */
export type ReadStoredQuotes = (
  pairs: readonly Pair[],
  now: Micros,
  maxAge: Micros,
) => Promise<ReadonlyMap<string, readonly NamedQuote[]>>;

/**
 * Reads what oracles and aggregators report into `trades`. They make no price of ours; here each is a reference by its
 * own name. A pair is also read by its other names, but never in what is pegged to its quote: where that has lost its peg,
 * the reference would be as wrong as we are.
 */
export function storedSources(database: Database, policy: Policy): ReadStoredQuotes {
  const sources = [...policy.registry.values()]
    // Without the class filter they are in our own prices.
    .filter(
      (source) =>
        policy.classFilter && (source.class === "oracle" || source.class === "aggregator") && !source.includeInVwap,
    )
    .map(({ name }) => name);
  const ownNames = { ...policy, stablecoinProxy: false };
  return async (pairs, now, maxAge) => {
    const asked = pairs.flatMap((pair) => expandPair(pair, ownNames).map((stored) => ({ pair, stored })));
    const rows = await readLastPrices(
      database,
      asked.map(({ stored }) => stored),
      { from: now - maxAge, to: now },
      sources,
    );
    const owners = asked.map(({ pair }) => formatPair(pair));
    const quotes = new Map<string, NamedQuote[]>();
    for (const { position, source, price, ts } of rows) {
      const name = owners[position] ?? "";
      quotes.set(name, [...(quotes.get(name) ?? []), { reference: source, price, asOf: ts }]);
    }
    return quotes;
  };
}
