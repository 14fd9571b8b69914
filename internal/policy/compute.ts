import type { Bucket } from "../canonical/bucket.ts";
import type { Fraction } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import type { Refusal } from "../canonical/withheld.ts";
import { checkFloor, usdVolumeOf } from "./floor.ts";
import { bandAround, type GuardRange, guard } from "./guard.ts";
import type { Measured } from "./measure.ts";
import type { Policy } from "./policy.ts";
import { countOf, type PriceFilter } from "./reader.ts";
import type { StageReport } from "./stages.ts";
import { publishVwap } from "./vwap.ts";

/** The value of a pair's own trades over a bucket, or the reason why there is none. */
export interface Computation extends Measured {
  /** The published value; null with a `refusal`. */
  readonly value: PublishedValue | null;
  readonly refusal: Refusal | null;
  /** Unrounded USD volume; null where the quote's USD rate is unknown or was not needed. */
  readonly usdVolume: Fraction | null;
  readonly usdVolumeKnown: boolean;
  /** The recent price that the guard compares the value with; null where there is none or it was not needed. */
  readonly recent: Fraction | null;
  /** The prices around which single prices of the bucket may be shown; null where any price may be shown. */
  readonly guardRange: GuardRange | null;
}

/** Returns the filter for the single prices (TWAP, candles, last trade) of a bucket. */
export function shownPrices({ outlierRule, guardRange }: Computation, { guardFactor }: Policy): PriceFilter {
  return { rule: outlierRule, band: guardRange && bandAround(guardRange, guardFactor) };
}

export interface ValueInputs {
  readonly observe: (report: StageReport) => void;
  /** USD per unit of the pair's quote in the bucket; null where unknown. */
  readonly usdRate: () => Promise<Fraction | null>;
  /** The pair's recent price before the bucket; null where there were no trades. */
  readonly recentPrice: () => Promise<Fraction | null>;
}

/**
 * Applies the publication checks to the filtered trades: minimum sources, volume floor, guard; then makes the value.
 */
export async function computeValue(
  measured: Measured,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
  { observe, usdRate, recentPrice }: ValueInputs,
): Promise<Computation> {
  const { kept, price, dropped, baseVolume, quoteVolume } = measured;
  const ended = (refusal: Refusal | null, found: Partial<Omit<Computation, keyof Measured | "refusal">> = {}) => ({
    ...measured,
    value: null,
    usdVolume: null,
    usdVolumeKnown: true,
    recent: null,
    guardRange: null,
    ...found,
    refusal,
  });
  if (price === null) return ended("empty");
  if (kept.length < policy.minSources) {
    observe({ stage: "sources", trades: 0, dropped: 0 });
    return ended("too-few-sources");
  }
  if (policy.minSources > 1) observe({ stage: "sources", trades: countOf(kept), dropped: 0 });

  const rate = await usdRate();
  const usdVolume = usdVolumeOf(quoteVolume, rate);
  const usdVolumeKnown = usdVolume !== null;
  const refusal = checkFloor(usdVolume, policy);
  observe({ stage: "floor", trades: refusal === null ? countOf(kept) : 0, dropped: 0 });
  if (refusal !== null) return ended(refusal, { usdVolume, usdVolumeKnown });

  const recent = await recentPrice();
  const { withheld, guardRange } = guard(price, kept, recent, rate, policy);
  if (!policy.guardFactor.isZero()) observe({ stage: "guard", trades: withheld ? 0 : countOf(kept), dropped: 0 });
  if (withheld) return ended("guarded", { usdVolume, usdVolumeKnown, recent, guardRange });

  const volumes = { kept, baseVolume, quoteVolume };
  const value = publishVwap({ pair, bucket, ...volumes, price, usdVolume, dropped, policyId: policy.id });
  observe({ stage: "vwap", trades: value.trade_count, dropped: 0 });
  return ended(null, { value, usdVolume, usdVolumeKnown, recent, guardRange });
}
