import type { Divergence } from "../cache/divergence.ts";
import type { Pair } from "../canonical/pair.ts";
import { channel, type EventChannel } from "../obs/channel.ts";

/** A published pair was compared with references, or the comparison failed. */
export interface DivergenceEvent {
  readonly pair: Pair;
  /**
   * `ok`: compared. `no_vwap`: the pair has no published price. Otherwise too few references gave a price:
   * `parse_error` if a response could not be parsed, else `refresh_error`.
   */
  readonly outcome: DivergenceOutcome;
  readonly divergence: Divergence | null;
  /** The failures of references that gave no price. */
  readonly failures: readonly DivergenceFailure[];
}

/** Why a reference gave no usable price; `stale`: its timestamp is too old or in the future. */
export interface DivergenceFailure {
  readonly reference: string;
  readonly failure: (typeof REFERENCE_FAILURES)[number];
  readonly reason: string;
}

export const REFERENCE_FAILURES = ["unreadable", "unreachable", "unknown", "stale"] as const;

export const DIVERGENCE_OUTCOMES = ["ok", "no_vwap", "parse_error", "refresh_error"] as const;
export type DivergenceOutcome = (typeof DIVERGENCE_OUTCOMES)[number];

export const divergenceChecked: EventChannel<DivergenceEvent> = channel("stellarindex:divergence:checked");
