import type { Bucket } from "../../canonical/bucket.ts";
import { floatOfDecimal, parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { seconds } from "../../canonical/time.ts";
import { expansionOf } from "../expansion.ts";
import { isOutlierFilterActive, outlierBand, sigmaRule } from "../outliers/outliers.ts";
import type { Policy } from "../policy.ts";
import type { Pricing } from "../pricing.ts";
import type { PriceBand, TradeReader } from "../reader.ts";
import { areSurelyNear } from "../venues.ts";
import type { CandleContext } from "./candle-context.ts";
import { FLOAT_ERROR, guardMayFilter } from "./candle-guard.ts";
import type { CandleQuery, CandleTotals } from "./candles.ts";

/** Upper bound of the error of a float variance, relative to the squared mean. */
const VARIANCE_ERROR = 1e-12;

/** Returns for each candle whether the venue rule, outlier filter, guard or peg rule may change it. */
export async function candlesToFilter(
  context: CandleContext,
  pair: Pair,
  query: CandleQuery,
  candles: readonly CandleTotals[],
): Promise<boolean[]> {
  const { reader, policy, pricing } = context;
  if (candles.length === 0) return [];
  const guarded = await guardMayFilter(context, pair, query, candles);
  const pegged = await pegRuleMayFilter(reader, policy, pricing, pair, query, candles);
  return candles.map(
    (candle, index) =>
      guarded[index] === true ||
      pegged[index] === true ||
      mayHaveDeviatingVenue(candle, policy) ||
      mayHaveOutlier(candle, policy),
  );
}

/** If all trades are close to each other, so are the venues' prices. */
function mayHaveDeviatingVenue({ priceMin, priceMax }: CandleTotals, policy: Policy): boolean {
  if (policy.venueDeviationPct.isZero()) return false;
  const [lowest, highest] = [floatOfDecimal(priceMin), floatOfDecimal(priceMax)];
  return !areSurelyNear([lowest, highest, highest], policy);
}

function mayHaveOutlier(candle: CandleTotals, { outlierMethod, outlierSigma: k }: Policy): boolean {
  const { tradeCount, priceSum, priceSquareSum, priceMin, priceMax } = candle;
  if (!isOutlierFilterActive([candle], k) || priceMin.equals(priceMax)) return false;
  if (outlierMethod === "mad") return true;
  if (isCertainlyWithinSigmas(candle, floatOfDecimal(k))) return false;
  const weight = parseDecimal(String(tradeCount));
  const band = outlierBand(sigmaRule({ weight, sum: priceSum, squareSum: priceSquareSum }, k));
  return band === null || isOutside(candle, band);
}

/**
 * Returns true where every price is certainly within k standard deviations of the mean. It uses floats and subtracts a
 * bound of their error, which cancellation in the variance amplifies; false means undecided.
 */
function isCertainlyWithinSigmas(
  { tradeCount, priceSum, priceSquareSum, priceMin, priceMax }: CandleTotals,
  k: number,
): boolean {
  const mean = floatOfDecimal(priceSum) / tradeCount;
  const variance = floatOfDecimal(priceSquareSum) / tradeCount - mean * mean - VARIANCE_ERROR * mean * mean;
  const furthest = Math.max(floatOfDecimal(priceMax) - mean, mean - floatOfDecimal(priceMin)) + FLOAT_ERROR * mean;
  return variance > 0 && furthest * furthest < k * k * variance;
}

function isOutside({ priceMin, priceMax }: CandleTotals, { low, high }: PriceBand): boolean {
  return priceMin.lessThan(low) || priceMax.greaterThan(high);
}

/** Returns for each candle whether the peg rule excludes an asset that is pegged to the quote. */
async function pegRuleMayFilter(
  reader: TradeReader,
  policy: Policy,
  pricing: Pricing,
  pair: Pair,
  { intervalSeconds }: CandleQuery,
  candles: readonly CandleTotals[],
): Promise<boolean[]> {
  const [first, last] = [candles[0], candles.at(-1)];
  const { pegged } = expansionOf(pair, policy);
  if (pegged.length === 0 || first === undefined || last === undefined) return candles.map(() => false);
  const length = seconds(intervalSeconds);
  const page: Bucket = { from: first.from, to: last.from + length };
  const markets = pegged.flatMap(({ market }) => expansionOf(market, { ...policy, stablecoinProxy: false }).named);
  if ((await reader.totals(markets, page)).length === 0) return candles.map(() => false);
  return Promise.all(
    candles.map(async ({ from }) => (await pricing.stored(pair, { from, to: from + length })).excluded.length > 0),
  );
}
