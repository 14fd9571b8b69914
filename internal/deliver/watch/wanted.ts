import type { Sql } from "../../storage/connection/pool.ts";
import { readDestinations } from "../../storage/events/destinations.ts";
import { mayBeToldOf } from "../../storage/events/match.ts";

/** Which events somebody may be told of, so that nothing is looked for that nobody gets. */
export interface Wanted {
  /** Whether events of one of these types are, of any pair. */
  readonly hasType: (types: readonly string[]) => boolean;
  /** Whether events of one of these types about this pair are; null for events of no pair. */
  readonly has: (types: readonly string[], pair: string | null) => boolean;
}

/** Reads which events are wanted; those that depend on their data are. */
export async function readWanted(sql: Sql, tenant: string): Promise<Wanted> {
  const filters = (await readDestinations(sql, tenant)).map(({ filter }) => filter);
  const has: Wanted["has"] = (types, pair) =>
    types.some((type) => filters.some((filter) => mayBeToldOf(filter, { type, pair })));
  return {
    has,
    hasType: (types) =>
      types.some((type) => filters.some((filter) => mayBeToldOf({ ...filter, pairs: [] }, { type, pair: null }))),
  };
}
