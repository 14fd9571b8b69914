import { HOUR } from "../canonical/bucket.ts";

/** The recent price of a pair is made of so many hours with trades at most. */
export const MOST_HOURS = 5;
/** With fewer hours than this, minutes are looked at too. */
export const FEWEST_HOURS = 3;
/** How far back hours are looked for. */
export const HOURS_WITHIN = 7n * 24n * HOUR;
/** How far back minutes are looked for. */
export const MINUTES_WITHIN = 3n * HOUR;
