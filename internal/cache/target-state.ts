import { formatPair, type Pair } from "../canonical/pair.ts";
import { type PublishedValue, parsePublished } from "../canonical/published.ts";
import { MICROS_PER_SECOND, type Micros, parseTime } from "../canonical/time.ts";
import type { TextWithTtl } from "./store.ts";

/** The state of a target's stored value at a moment. */
export interface TargetState {
  readonly pair: Pair;
  readonly windowSeconds: number;
  /**
   * `fresh`: its bucket ended at most two intervals and the settle time ago. `late`: longer ago. `missing`: there is no
   * value, perhaps because nothing was published. `unreadable`: the stored text is not a value of the target.
   */
  readonly state: "fresh" | "late" | "missing" | "unreadable";
  /** The end of its bucket, RFC 3339. */
  readonly to: string | null;
  /** Whole seconds since then. */
  readonly ageSeconds: number | null;
  readonly price: string | null;
  readonly policy: string | null;
  /** The venues in the price. */
  readonly sources: PublishedValue["sources"];
  /** The remaining TTL in whole seconds; Infinity where it never expires. */
  readonly ttlSeconds: number | null;
}

/** Intervals until a value counts as late: one for the tick that is due, and one for a slow tick. */
const INTERVALS = 2;

/** Returns the state of a target from the text stored under its key, at the moment `now`. */
export function targetState(
  { pair, windowSeconds }: Pick<TargetState, "pair" | "windowSeconds">,
  held: TextWithTtl | null,
  now: Micros,
  { intervalSeconds, settleSeconds }: { readonly intervalSeconds: number; readonly settleSeconds: number },
): TargetState {
  const none = {
    pair,
    windowSeconds,
    to: null,
    ageSeconds: null,
    price: null,
    policy: null,
    sources: [],
    ttlSeconds: null,
  };
  if (held === null) return { ...none, state: "missing" };
  const ttlSeconds = Math.round(held.remainingMs / 1000);
  const value = readable(held.text);
  if (value === null || value.pair !== formatPair(pair) || value.window_seconds !== windowSeconds) {
    return { ...none, ttlSeconds, state: "unreadable" };
  }
  const { to, price, policy, sources } = value;
  const ageSeconds = Number((now - parseTime(to)) / MICROS_PER_SECOND);
  const state = ageSeconds <= INTERVALS * intervalSeconds + settleSeconds ? "fresh" : "late";
  return { pair, windowSeconds, state, to, ageSeconds, price, policy, sources, ttlSeconds };
}

/** Returns the pairs without a value in any window, in the order of the states. */
export function pairsWithoutValue(states: readonly TargetState[]): string[] {
  const all = new Set(states.map(({ pair }) => formatPair(pair)));
  for (const { pair, price } of states) if (price !== null) all.delete(formatPair(pair));
  return [...all];
}

function readable(text: string) {
  try {
    return parsePublished(text);
  } catch {
    return null;
  }
}
