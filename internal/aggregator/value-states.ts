import { MICROS_PER_SECOND, type Micros } from "../canonical/time.ts";

/**
 * The age of a target's value. `fresh`: from the last tick. `late`: it missed some ticks. `lost`: it has had no value
 * for half an hour. `never`: it has had no value since this aggregator owns it.
 */
export const VALUE_STATES = ["fresh", "late", "lost", "never"] as const;
export type ValueState = (typeof VALUE_STATES)[number];

/** Time without a value after which a target counts as lost: longer than the usual gaps of an active market. */
const LOST_AFTER_SECONDS = 1800;

/** Tracks when targets last had a value. */
export interface ValueStates {
  /** Records whether a target had a value at the boundary `to`. */
  add(target: string, hasValue: boolean, to: Micros): void;
  /**
   * Returns the number of targets by state after a tick. Targets that the tick did not process now belong to another
   * aggregator and are forgotten, unless the tick failed as a whole (`isWhole` false).
   */
  endTick(to: Micros, isWhole: boolean): Record<ValueState, number>;
}

export function createValueStates(): ValueStates {
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
