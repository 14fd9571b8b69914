import { MICROS_PER_SECOND, type Micros } from "../canonical/time.ts";

/** What a caller should know about an answer besides its figures. */
export interface Flags {
  /** The value is older than it would be on a healthy system. */
  readonly stale: boolean;
  /** The value was derived through other markets. */
  readonly triangulated: boolean;
  /** The price lies far from the median of references outside; false as well where that was not checked. */
  readonly divergence_warning: boolean;
  /** Present where an earlier value stands for one that the guard withholds. */
  readonly frozen?: true;
}

export interface Answer {
  /** What `data` holds, as JSON text. */
  readonly data: string;
  readonly flags: Flags;
  /** What comparing the pair's price with references gave, as JSON text; null where that is not known. */
  readonly divergence?: string | null;
  /** How far the value can be relied on, as JSON text; null where that is not known. */
  readonly confidence?: string | null;
  readonly maxAgeSeconds: number;
  /** The max-age with which the very same answer would be given now; null once it has to be asked for anew. */
  readonly again?: () => number | null;
}

export const NO_FLAGS: Flags = { stale: false, triangulated: false, divergence_warning: false };

/** How long an answer about the past may be cached: a late trade may still change it. */
export const PAST_MAX_AGE_SECONDS = 60;

/** Whole seconds until `moment`, 0 where it has passed. */
export function secondsUntil(moment: Micros, now: Micros): number {
  return moment <= now ? 0 : Number((moment - now) / MICROS_PER_SECOND);
}

/** The body of an answer: all of it but its age. */
export function answerText({ data, flags, divergence = null, confidence = null }: Answer): string {
  // Stored values are passed on byte for byte: their text is what was published.
  const compared = divergence === null ? "" : `,"divergence":${divergence}`;
  const relied = confidence === null ? "" : `,"confidence":${confidence}`;
  return `{"data":${data},"flags":${JSON.stringify(flags)}${compared}${relied}}`;
}
