import type { Bucket } from "../canonical/bucket.ts";
import { floatOfDecimal } from "../canonical/decimal.ts";
import { floatOf } from "../canonical/fraction.ts";
import type { PublishedValue } from "../canonical/published.ts";
import type { Micros } from "../canonical/time.ts";
import type { Computation } from "./compute.ts";
import type { Policy } from "./policy.ts";

/** What a value's confidence is made of; each is a measure of the trades that the value counts. */
export const CONFIDENCE_FACTORS = ["venues", "concentration", "usd_volume", "dispersion", "age", "distance"] as const;
export type ConfidenceFactor = (typeof CONFIDENCE_FACTORS)[number];

/** How much each factor counts in the geometric mean. */
export const CONFIDENCE_WEIGHTS: Readonly<Record<ConfidenceFactor, number>> = {
  venues: 3,
  concentration: 1,
  usd_volume: 2,
  dispersion: 2,
  age: 1,
  distance: 2,
};

/** A factor as it is stored: what was measured, and its score from 0 to 1; null where it is not known. */
export interface FactorScore {
  readonly measured: string;
  readonly score: string;
}

/** How far a published value can be relied on, as it is stored under `conf:<base>:<quote>:<window>`. */
export interface Confidence {
  readonly pair: string;
  readonly window_seconds: number;
  readonly from: string;
  readonly to: string;
  /** 0 to 1 with 4 decimals. */
  readonly confidence: string;
  /** Of a triangulated value: the market on its way with the lowest confidence, whose factors these are. */
  readonly weakest_leg?: string | undefined;
  readonly factors: Readonly<Record<ConfidenceFactor, FactorScore | null>>;
  readonly policy: string;
}

/** The lowest score, so that one bad factor pulls a value down and does not wipe out all others. */
const LEAST = 0.01;
/** Where there is no floor, the USD volume is held against the default one. */
const DEFAULT_FLOOR = 10_000;
/** Dispersion between venues, as a part of the price, at which the score has fallen to 1/e. */
const DISPERSION_SCALE = 0.01;

/**
 * The confidence of a value of a pair's own trades: the weighted geometric mean of the factors that are known. What is not
 * known is left out of the mean, and shown as null. Floats make it, as it is a score: no price comes from it.
 * @param lastTrade when the last trade that counts was; null where that is not known
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
    return sum + CONFIDENCE_WEIGHTS[factor] * Math.log(Math.max(score, LEAST));
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
    // Each further venue halves what is missing.
    venues: { measured: String(venues), score: 1 - 0.5 ** venues },
    // Herfindahl-Hirschman index of the shares: 1 where one venue makes the price.
    concentration: { measured: hhi.toFixed(6), score: 1 - hhi / 2 },
    // One half at the volume floor.
    usd_volume: usd === null ? null : { measured: usd.toFixed(2), score: usd / (usd + floor) },
    // Standard deviation of the venues' prices, weighted by share, as a part of the price.
    dispersion:
      dispersion === null ? null : { measured: dispersion.toFixed(6), score: Math.exp(-dispersion / DISPERSION_SCALE) },
    // Seconds from the last trade to the bucket's end, against its length.
    age: age === null ? null : { measured: age.toFixed(6), score: 1 - (age * 1e6) / (2 * Number(to - from)) },
    // |ln(price / recent price)|: 1/e where the guard's default factor is reached.
    distance: distance === null ? null : { measured: distance.toFixed(6), score: Math.exp(-distance / Math.LN2) },
  };
}

/** The one line of JSON that is stored. */
export function serializeConfidence(confidence: Confidence): string {
  return JSON.stringify(confidence);
}
