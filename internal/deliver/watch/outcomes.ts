import { vwapKey, withheldKey } from "../../cache/keys.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { parsePublished } from "../../canonical/published.ts";
import { PoisonedValueError } from "../../canonical/stored-text.ts";
import { formatTime, type Micros, parseTime } from "../../canonical/time.ts";
import { parseWithheld, type Refusal } from "../../canonical/withheld.ts";
import type { OwnEvent } from "./watcher.ts";

/** One pair and window that is published. */
export interface Target {
  readonly pair: Pair;
  readonly windowSeconds: number;
}

/** What a target came to at a boundary. */
export interface Outcome {
  /** End of the bucket. */
  readonly to: Micros;
  /** Null where a value was published. */
  readonly reason: Refusal | null;
  /** The published value, or why there is none, as it is stored. */
  readonly text: string;
}

/** What was told of a target last: a value (null), why there was none, or nothing that is known. */
export type Told = Refusal | null | "unknown";

export const PUBLISHED = "price.published";
export const WITHHELD = "price.withheld";
export const GUARDED = "price.guarded";

/** Returns the keys of a target's value, and of why it has none. */
export function keysOf({ pair, windowSeconds }: Target): readonly [published: string, withheld: string] {
  return [vwapKey(pair, windowSeconds), withheldKey(pair, windowSeconds)];
}

/** Parses a stored value of a target; null where it is none, as the API reports. */
export function publishedOutcome(target: Target, text: string | null): Outcome | null {
  const value = ofTarget(target, text, parsePublished);
  return value && { to: parseTime(value.to), reason: null, text: text as string };
}

/** Parses the stored reason why a target has no value; null where it is none. */
export function withheldOutcome(target: Target, text: string | null): Outcome | null {
  const value = ofTarget(target, text, parseWithheld);
  return value && { to: parseTime(value.to), reason: value.reason, text: text as string };
}

function ofTarget<T extends { readonly pair: string; readonly window_seconds: number }>(
  { pair, windowSeconds }: Target,
  text: string | null,
  parse: (text: string) => T,
): T | null {
  if (text === null) return null;
  try {
    const value = parse(text);
    return value.pair === formatPair(pair) && value.window_seconds === windowSeconds ? value : null;
  } catch (error) {
    if (error instanceof PoisonedValueError) return null;
    throw error;
  }
}

/**
 * Returns the event of an outcome: each value is one, and a withheld one where the reason is another than the one before.
 * @param before what was told before
 */
export function eventOf(target: Target, { to, reason, text }: Outcome, before: Told): OwnEvent | null {
  const [published, withheld] = keysOf(target);
  const rest = { pair: formatPair(target.pair), body: text, at: formatTime(to) };
  if (reason === null) return { type: PUBLISHED, thing: published, ...rest };
  if (reason === before) return null;
  return { type: reason === "guarded" ? GUARDED : WITHHELD, thing: withheld, ...rest };
}
