import type { PricedTrade } from "./reader.ts";

/** The steps of a computation, in their order. */
export const STAGES = ["read", "class", "venue", "outlier", "sources", "floor", "guard", "vwap"] as const;
export type Stage = (typeof STAGES)[number];

/** What a step did, for whoever watches; `trades` is what it hands on. */
export interface StageReport {
  readonly stage: Stage;
  readonly trades: number;
  /** Trades that the step left out; of stage `read`, those of assets that trade far from their peg. */
  readonly dropped: number;
  /** Sources the registry does not know (stage `class`). */
  readonly unknownSources?: readonly string[];
  /** The trades that went (stage `outlier`), where they are few enough to name. */
  readonly outliers?: readonly PricedTrade[];
}
