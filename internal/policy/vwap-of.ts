import { sum } from "../canonical/decimal.ts";
import { type Fraction, ratioOf } from "../canonical/fraction.ts";
import type { SourceVolumes } from "./reader.ts";

/** Returns the unrounded VWAP, Σ quote / Σ base, of at least one volume. */
export function vwapOf(...volumes: readonly Pick<SourceVolumes, "baseVolume" | "quoteVolume">[]): Fraction {
  return ratioOf(sum(volumes.map(({ quoteVolume }) => quoteVolume)), sum(volumes.map(({ baseVolume }) => baseVolume)));
}
