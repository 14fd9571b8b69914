import { formatTime, type Micros } from "../../canonical/time.ts";

/**
 * Formats a time for use as `${timestamptz(t)}::timestamptz`; {@link connect} sends the text unchanged. Never cast it
 * through `::text`: the planner would not know the value, and TimescaleDB would plan for every chunk.
 */
export const timestamptz: (time: Micros) => string = formatTime;
