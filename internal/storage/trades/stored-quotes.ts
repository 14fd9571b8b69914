import type { Decimal } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import type { Micros } from "../../canonical/time.ts";
import { expandPair } from "../../policy/expansion.ts";
import type { Policy } from "../../policy/policy.ts";
import type { Database } from "../connection/database.ts";
import { readLastPrices } from "./last-prices.ts";

/** The last price of a pair at a source in the database, used as a reference. */
export interface SourceQuote {
  /** The source's name. */
  readonly reference: string;
  readonly price: Decimal;
  readonly asOf: Micros;
}

/** Reads the last prices of each pair at sources in the database, not older than `maxAge`, by {@link formatPair}. */
export type ReadStoredQuotes = (
  pairs: readonly Pair[],
  now: Micros,
  maxAge: Micros,
) => Promise<ReadonlyMap<string, readonly SourceQuote[]>>;

/**
 * Makes a reader of the prices that oracles and aggregators write to `trades`. They are not part of published prices;
 * each is a reference under its source's name. Aliases of a pair are read as well, but not stablecoins pegged to its
 * quote: if one loses its peg, the reference would be wrong in the same way as the published price.
 */
export function readerOfStoredQuotes(database: Database, policy: Policy): ReadStoredQuotes {
  const sources = [...policy.registry.values()]
    // Without the class filter these sources are part of published prices.
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
    const quotes = new Map<string, SourceQuote[]>();
    for (const { position, source, price, ts } of rows) {
      const name = owners[position] ?? "";
      quotes.set(name, [...(quotes.get(name) ?? []), { reference: source, price, asOf: ts }]);
    }
    return quotes;
  };
}
