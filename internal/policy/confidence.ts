import type { Bucket } from "../canonical/bucket.ts";
import { floatOfDecimal } from "../canonical/decimal.ts";
import { floatOf } from "../canonical/fraction.ts";
import type { PublishedValue } from "../canonical/published.ts";
import type { Micros } from "../canonical/time.ts";
import type { Computation } from "./compute.ts";
import type { Policy } from "./policy.ts";

/** The factors of a value's confidence; each is measured on the trades that make the value. */
export const CONFIDENCE_FACTORS = ["venues", "concentration", "usd_volume", "dispersion", "age", "distance"] as const;
export type ConfidenceFactor = (typeof CONFIDENCE_FACTORS)[number];

/** The weight of each factor in the geometric mean. */
export const CONFIDENCE_WEIGHTS: Readonly<Record<ConfidenceFactor, number>> = {
  venues: 3,
  concentration: 1,
  usd_volume: 2,
  dispersion: 2,
  age: 1,
  distance: 2,
};

/** A factor as it is stored: the measured figure and its score from 0 to 1. */
export interface FactorScore {
  readonly measured: string;
  readonly score: string;
}

/** The confidence of a published value, as it is stored under `conf:<base>:<quote>:<window>`. */
export interface Confidence {
  readonly pair: string;
  readonly window_seconds: number;
  readonly from: string;
  readonly to: string;
  /** 0 to 1 with 4 decimals. */
  readonly confidence: string;
  /** For a triangulated value: the leg with the lowest confidence, which the factors belong to. */
  readonly weakest_leg?: string | undefined;
  readonly factors: Readonly<Record<ConfidenceFactor, FactorScore | null>>;
  readonly policy: string;
}

/** A lower bound for scores, so that one factor of 0 does not make the whole product 0. */
const MIN_SCORE = 0.01;
/** USD; the reference of the volume score where the volume floor is off. */
const DEFAULT_FLOOR = 10_000;
/** Relative dispersion between venues at which the score is 1/e. */
const DISPERSION_SCALE = 0.01;

/**
 * Returns the confidence of a value of a pair's own trades: the weighted geometric mean of the known factors. Unknown
 * factors are null and left out of the mean. It is computed in floats because it is a score; no price depends on it.
 * @param lastTrade time of the last trade that counts; null where unknown
 */
export function confidenceOf(
  policy: Policy,
  { pair, window_seconds, from, to }: PublishedValue,
  bucket: Bucket,
  own: Computation,
  lastTrade: Micros | null,
): Confidence {
  const factors = factorsOf(policy, bucket, own, lastTrade);
  const known = CONFIDENCE_FACTORS.filter((factor) => factors[factor] !== null);
  const weight = known.reduce((sum, factor) => sum + CONFIDENCE_WEIGHTS[factor], 0);
  const logarithm = known.reduce((sum, factor) => {
    const { score } = factors[factor] as Score;
    return sum + CONFIDENCE_WEIGHTS[factor] * Math.log(Math.max(score, MIN_SCORE));
  }, 0);
  const shown = (score: Score | null): FactorScore | null =>
    score && { measured: score.measured, score: score.score.toFixed(4) };
  return {
    pair,
    window_seconds,
    from,
    to,
    confidence: Math.exp(logarithm / weight).toFixed(4),
    factors: {
      venues: shown(factors.venues),
      concentration: shown(factors.concentration),
      usd_volume: shown(factors.usd_volume),
      dispersion: shown(factors.dispersion),
      age: shown(factors.age),
      distance: shown(factors.distance),
    },
    policy: policy.id,
  };
}

interface Score {
  readonly measured: string;
  readonly score: number;
}

function factorsOf(
  { minUsdVolume }: Policy,
  { from, to }: Bucket,
  { kept, price, quoteVolume, usdVolume, recent }: Computation,
  lastTrade: Micros | null,
): Record<ConfidenceFactor, Score | null> {
  const venues = kept.length;
  const whole = floatOfDecimal(quoteVolume);
  const shares = kept.map((source) => floatOfDecimal(source.quoteVolume) / whole);
  const hhi = shares.reduce((sum, share) => sum + share * share, 0);
  const floor = minUsdVolume.isZero() ? DEFAULT_FLOOR : floatOfDecimal(minUsdVolume);
  const float = price === null ? Number.NaN : floatOf(price);
  const usd = usdVolume === null ? null : floatOf(usdVolume);
  const variance =
    price === null || venues < 2
      ? null
      : kept.reduce((sum, source, index) => {
          const own = floatOfDecimal(source.quoteVolume) / floatOfDecimal(source.baseVolume);
          const deviation = own / float - 1;
          return sum + (shares[index] as number) * deviation * deviation;
        }, 0);
  const dispersion = variance === null ? null : Math.sqrt(variance);
  const age = lastTrade === null ? null : Number(to - lastTrade) / 1e6;
  const distance = price === null || recent === null ? null : Math.abs(Math.log(float / floatOf(recent)));
  return {
    // Each further venue halves the distance to 1.
    venues: { measured: String(venues), score: 1 - 0.5 ** venues },
    // Herfindahl-Hirschman index of the shares: 1 where a single venue makes the price.
    concentration: { measured: hhi.toFixed(6), score: 1 - hhi / 2 },
    // 0.5 at the volume floor.
    usd_volume: usd === null ? null : { measured: usd.toFixed(2), score: usd / (usd + floor) },
    // Standard deviation of the venues' prices, weighted by share, relative to the price.
    dispersion:
      dispersion === null ? null : { measured: dispersion.toFixed(6), score: Math.exp(-dispersion / DISPERSION_SCALE) },
    // Seconds from the last trade to the bucket's end, relative to the bucket's length.
    age: age === null ? null : { measured: age.toFixed(6), score: 1 - (age * 1e6) / (2 * Number(to - from)) },
    // |ln(price / recent price)|; the score is 1/e at a factor of 2, the guard's default.
    distance: distance === null ? null : { measured: distance.toFixed(6), score: Math.exp(-distance / Math.LN2) },
  };
}

/** Returns the stored form: one line of JSON. */
export function serializeConfidence(confidence: Confidence): string {
  return JSON.stringify(confidence);
}
