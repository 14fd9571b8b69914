import { MICROS_PER_SECOND, type Micros } from "../canonical/time.ts";

/**
 * Whether a target has a value. `fresh`: of the last tick. `late`: had one, and has missed some ticks. `lost`: had one, and
 * has had none for half an hour. `never`: none since this aggregator looks after it.
 */
export const VALUE_STATES = ["fresh", "late", "lost", "never"] as const;
export type ValueState = (typeof VALUE_STATES)[number];

/** How long a target may be without a value until it counts as lost: longer than a quiet spell of a market that trades. */
const LOST_AFTER_SECONDS = 1800;

/** Remembers when targets had their last value. */
export interface TargetValues {
  /** Takes what became of a target at the boundary `to`. */
  add(target: string, hasValue: boolean, to: Micros): void;
  /**
   * The targets by state at a boundary that is dealt with. Those that it did not deal with are somebody else's now, and
   * forgotten; where it failed as a whole (`isWhole` false), none is.
   */
  endTick(to: Micros, isWhole: boolean): Record<ValueState, number>;
}

export function createTargetValues(): TargetValues {
  let targets = new Map<string, Micros | null>();
  let ofTick = new Map<string, Micros | null>();
  return {
    add(target, hasValue, to) {
      ofTick.set(target, hasValue ? to : (targets.get(target) ?? null));
    },
    endTick(to, isWhole) {
      if (isWhole) targets = ofTick;
      ofTick = new Map();
      const counts = { fresh: 0, late: 0, lost: 0, never: 0 };
      for (const last of targets.values()) counts[stateOf(last, to)]++;
      return counts;
    },
  };
}

function stateOf(last: Micros | null, to: Micros): ValueState {
  if (last === null) return "never";
  if (last === to) return "fresh";
  return (to - last) / MICROS_PER_SECOND < LOST_AFTER_SECONDS ? "late" : "lost";
}
