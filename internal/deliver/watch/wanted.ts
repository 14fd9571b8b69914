import { matches } from "../../lib/delivery-filter.ts";
import type { Sql } from "../../storage/connection/pool.ts";
import { readDestinations } from "../../storage/events/destinations.ts";

/** Which events somebody may be told of, so that nothing is looked for that nobody gets. */
export interface Wanted {
  /** Whether events of one of these types are, of any pair. */
  readonly hasType: (types: readonly string[]) => boolean;
  /** Whether events of one of these types about this pair are; null for events of no pair. */
  readonly has: (types: readonly string[], pair: string | null) => boolean;
}

/** Reads which events are wanted; those that depend on their data are. */
export async function readWanted(sql: Sql, tenant: string): Promise<Wanted> {
  // What a filter asks of the data is decided when there are some.
  const filters = (await readDestinations(sql, tenant)).map(({ filter }) => ({ ...filter, where: [] }));
  const has: Wanted["has"] = (types, pair) =>
    types.some((type) => filters.some((filter) => matches(filter, { type, pair, data: null })));
  return {
    has,
    hasType: (types) =>
      types.some((type) =>
        filters.some((filter) => matches({ ...filter, pairs: [] }, { type, pair: null, data: null })),
      ),
  };
}
