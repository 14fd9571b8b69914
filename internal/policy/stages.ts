import type { PricedTrade } from "./reader.ts";

/** The stages of a computation, in order. */
export const STAGES = ["read", "class", "venue", "outlier", "sources", "floor", "guard", "vwap"] as const;
export type Stage = (typeof STAGES)[number];

/** The effect of a stage; `trades` is the number of trades that pass it. */
export interface StageReport {
  readonly stage: Stage;
  readonly trades: number;
  /** Number of trades left out; in stage `read`, those that the peg rule excludes. */
  readonly dropped: number;
  /** Sources that are not in the registry (stage `class`). */
  readonly unknownSources?: readonly string[];
  /** The outliers (stage `outlier`), unless they are too many to list. */
  readonly outliers?: readonly PricedTrade[];
}
