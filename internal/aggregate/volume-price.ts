import { sum } from "../canonical/decimal.ts";
import { type Fraction, ratioOf } from "../canonical/fraction.ts";
import type { SourceVolumes } from "./reader.ts";

/** Σ quote / Σ base of the volumes, at least one, exactly. */
export function volumePrice(...volumes: readonly Pick<SourceVolumes, "baseVolume" | "quoteVolume">[]): Fraction {
  return ratioOf(sum(volumes.map(({ quoteVolume }) => quoteVolume)), sum(volumes.map(({ baseVolume }) => baseVolume)));
}
