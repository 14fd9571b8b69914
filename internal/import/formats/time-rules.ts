import { isEpoch, readCheckedEpoch, TIME_UNITS, type TimeUnit } from "../../canonical/epoch.ts";
import type { Micros } from "../../canonical/time.ts";
import { readFileTime, WITHOUT_ZONE } from "../file-time.ts";
import type { TimeRule } from "./format.ts";
import type { Given } from "./given.ts";

/** Times that are numbers of one unit since 1970. */
export function sinceEpoch(unit: TimeUnit): TimeRule {
  return { said: `${TIME_UNITS[unit].name} since 1970`, read: (text) => readCheckedEpoch(text, unit) };
}

/** Times with date, time of day and zone. */
export const WRITTEN: TimeRule = { said: "date, time and zone", read: readFileTime };

/**
 * Returns the reader of a file's times, in which the given unit and zone precede the rule.
 * @throws InputError where a time follows none of them
 */
export function timeReader({ timeUnit, zone }: Given, { read }: TimeRule = WRITTEN): (text: string) => Micros {
  return (text) => {
    if (timeUnit !== undefined && isEpoch(text)) return readCheckedEpoch(text, timeUnit, 1);
    return zone !== undefined && WITHOUT_ZONE.test(text) ? zone(text) : read(text);
  };
}
