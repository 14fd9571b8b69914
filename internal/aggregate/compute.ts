import type { Bucket } from "../canonical/bucket.ts";
import type { Fraction } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import { checkFloor, usdVolumeOf } from "./floor.ts";
import { bandAbout, type GuardedRange, guard } from "./guard.ts";
import type { Measured } from "./measure.ts";
import type { Policy } from "./policy.ts";
import { countOf, type PriceFilter } from "./reader.ts";
import type { StageReport } from "./stages.ts";
import { publishVwap } from "./vwap.ts";

/**
 * Why nothing is published, in the order in which it is asked: no trade is left (`empty`), the sources left are fewer than
 * `min_sources`, the volume floor refuses, or the value is too far from the recent price.
 */
export const REFUSALS = ["empty", "too-few-sources", "below-floor", "unknown-usd-volume", "guarded"] as const;
export type Refusal = (typeof REFUSALS)[number];

/** The value that a pair's own trades give over a bucket, or why they give none. */
export interface Computation extends Measured {
  /** The value as it is published; null with a `refusal`. */
  readonly value: PublishedValue | null;
  readonly refusal: Refusal | null;
  /** USD, not rounded; null where the rate of the quote is not known, or was not asked for. */
  readonly usdVolume: Fraction | null;
  readonly usdVolumeKnown: boolean;
  /** The price before the bucket that the guard holds the value against; null where there is none, or was not asked for. */
  readonly recent: Fraction | null;
  /** What single prices of the bucket may be about; null where any price may be shown. */
  readonly about: GuardedRange | null;
}

/** Which single prices of a bucket may be shown. */
export function shownPrices({ outlierRule, about }: Computation, { guardFactor }: Policy): PriceFilter {
  return { rule: outlierRule, band: about && bandAbout(about, guardFactor) };
}

export interface JudgeOptions {
  readonly observe: (report: StageReport) => void;
  /** USD per unit of the pair's quote in the bucket; null where that is not known. */
  readonly usdRate: () => Promise<Fraction | null>;
  /** The price that the pair had before the bucket; null where there were no trades. */
  readonly recentPrice: () => Promise<Fraction | null>;
}

/** Decides whether what was measured is published: sources, valuation and floor, guard, VWAP, in this order. */
export async function judge(
  measured: Measured,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
  { observe, usdRate, recentPrice }: JudgeOptions,
): Promise<Computation> {
  const { kept, price, dropped, baseVolume, quoteVolume } = measured;
  const ended = (refusal: Refusal | null, found: Partial<Omit<Computation, keyof Measured | "refusal">> = {}) => ({
    ...measured,
    value: null,
    usdVolume: null,
    usdVolumeKnown: true,
    recent: null,
    about: null,
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
  const { withheld, about } = guard(price, kept, recent, rate, policy);
  if (!policy.guardFactor.isZero()) observe({ stage: "guard", trades: withheld ? 0 : countOf(kept), dropped: 0 });
  if (withheld) return ended("guarded", { usdVolume, usdVolumeKnown, recent, about });

  const volumes = { kept, baseVolume, quoteVolume };
  const value = publishVwap({ pair, bucket, ...volumes, price, usdVolume, dropped, policyId: policy.id });
  observe({ stage: "vwap", trades: value.trade_count, dropped: 0 });
  return ended(null, { value, usdVolume, usdVolumeKnown, recent, about });
}
