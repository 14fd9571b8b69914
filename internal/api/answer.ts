import { MICROS_PER_SECOND, type Micros } from "../canonical/time.ts";

/** Warnings about an answer's value. */
export interface Flags {
  /** The value is older than it would be on a healthy system. */
  readonly stale: boolean;
  /** The value was derived through other markets. */
  readonly triangulated: boolean;
  /** The price deviates too far from the median of the references; also false where it was not compared. */
  readonly divergence_warning: boolean;
  /** Present where an earlier value is held for one that the guard withholds. */
  readonly frozen?: true;
  /** Present where a source that counts for the pair may lack trades of the value's interval. */
  readonly incomplete?: true;
}

/** An answer to a query, before it is serialised. */
export interface Answer {
  /** The value of `data`, as JSON text. */
  readonly data: string;
  readonly flags: Flags;
  /** The latest comparison of the pair's price with references, as JSON text; null without one. */
  readonly divergence?: string | null;
  /** The confidence in the value, as JSON text; null where it is unknown. */
  readonly confidence?: string | null;
  readonly maxAgeSeconds: number;
  /** Returns the current max-age while this answer is still valid; null once it must be computed again. */
  readonly revalidate?: () => number | null;
}

export const NO_FLAGS: Flags = { stale: false, triangulated: false, divergence_warning: false };

/** The max-age of an answer about the past: a late trade may still change it. */
export const PAST_MAX_AGE_SECONDS = 60;

/** Returns the whole seconds until `moment`, 0 where it has passed. */
export function secondsUntil(moment: Micros, now: Micros): number {
  return moment <= now ? 0 : Number((moment - now) / MICROS_PER_SECOND);
}

/** Returns the body of an answer. */
export function answerText({ data, flags, divergence = null, confidence = null }: Answer): string {
  // Stored values are copied byte for byte, not parsed and serialised again.
  const compared = divergence === null ? "" : `,"divergence":${divergence}`;
  const relied = confidence === null ? "" : `,"confidence":${confidence}`;
  return `{"data":${data},"flags":${JSON.stringify(flags)}${compared}${relied}}`;
}
