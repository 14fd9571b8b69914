import { formatTime, type Micros } from "../canonical/time.ts";

// The driver would turn a timestamptz into a Date and lose microseconds, so times cross as text and as integers.

/** A moment as a parameter; write it `${moment(t)}::text::timestamptz`. */
export const moment: (time: Micros) => string = formatTime;
