import { formatPair, type Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import { MICROS_PER_SECOND, type Micros, parseTime } from "../canonical/time.ts";
import type { HeldText } from "./store.ts";
import { parsePublished } from "./value.ts";

/** What the store holds of a target at a moment. */
export interface TargetState {
  readonly pair: Pair;
  readonly windowSeconds: number;
  /**
   * `fresh`: its bucket ended at most two intervals and the settle time ago. `late`: longer ago. `missing`: there is no
   * value, be it that nothing was published. `unreadable`: there is a text that is no value of the target.
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
  /** Whole seconds until the store forgets it; Infinity where it never does. */
  readonly livesSeconds: number | null;
}

/** Values that may be missed until one counts as late: the tick that is due, and one that took long. */
const INTERVALS = 2;

/** Judges what the store held under a target's key at the moment `now`. */
export function targetState(
  { pair, windowSeconds }: Pick<TargetState, "pair" | "windowSeconds">,
  held: HeldText | null,
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
    livesSeconds: null,
  };
  if (held === null) return { ...none, state: "missing" };
  const livesSeconds = Math.round(held.remainingMs / 1000);
  const value = readable(held.text);
  if (value === null || value.pair !== formatPair(pair) || value.window_seconds !== windowSeconds) {
    return { ...none, livesSeconds, state: "unreadable" };
  }
  const { to, price, policy, sources } = value;
  const ageSeconds = Number((now - parseTime(to)) / MICROS_PER_SECOND);
  const state = ageSeconds <= INTERVALS * intervalSeconds + settleSeconds ? "fresh" : "late";
  return { pair, windowSeconds, state, to, ageSeconds, price, policy, sources, livesSeconds };
}

/** The pairs that have no value in any window, in the order of the states. */
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
