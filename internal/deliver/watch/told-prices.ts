import { PoisonedValueError } from "../../canonical/stored-text.ts";
import { type Micros, parseTime } from "../../canonical/time.ts";
import { parseWithheld } from "../../canonical/withheld.ts";
import type { Sql } from "../../storage/connection/pool.ts";
import { type LastEvent, readLastEvents } from "../../storage/events/own-events.ts";
import { keysOf, type Target, type Told } from "./outcomes.ts";

/** What was told of a target last, and of which boundary; null for none. */
export interface ToldOf {
  readonly to: Micros | null;
  readonly what: Told;
}

/** Reads from the events on record what was told of each target last. */
export async function readToldOf(
  sql: Sql,
  tenant: string,
  targets: readonly Target[],
): Promise<ReadonlyMap<Target, ToldOf>> {
  const last = await readLastEvents(sql, tenant, targets.flatMap(keysOf));
  return new Map(
    targets.map((target) => {
      const [published, withheld] = keysOf(target);
      return [target, later(last.get(published), last.get(withheld))];
    }),
  );
}

function later(published: LastEvent | undefined, withheld: LastEvent | undefined): ToldOf {
  if (withheld !== undefined && (published === undefined || withheld.at > published.at)) {
    return { to: parseTime(withheld.at), what: reasonIn(withheld) };
  }
  return published === undefined ? { to: null, what: "unknown" } : { to: parseTime(published.at), what: null };
}

/** Without its data nobody knows the reason, so that it is told again. */
function reasonIn({ body }: LastEvent): Told {
  if (body === null) return "unknown";
  try {
    return parseWithheld(body).reason;
  } catch (error) {
    if (error instanceof PoisonedValueError) return "unknown";
    throw error;
  }
}
