import { formatTime, type Micros } from "../canonical/time.ts";

/**
 * A moment as a parameter, `${moment(t)}::timestamptz`: a text that {@link connect} hands on as it is. Through `::text`, the
 * planner would not know it before execution, and TimescaleDB would plan every chunk there is.
 */
export const moment: (time: Micros) => string = formatTime;
