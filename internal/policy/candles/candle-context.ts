import type { Policy } from "../policy.ts";
import type { Pricing } from "../pricing.ts";
import type { TradeReader } from "../reader.ts";

/** The dependencies of candle computation. */
export interface CandleContext {
  readonly reader: TradeReader;
  readonly policy: Policy;
  readonly pricing: Pricing;
  /** Returns whether an error means that retention has removed the data. */
  readonly isExpired: (error: unknown) => boolean;
}
