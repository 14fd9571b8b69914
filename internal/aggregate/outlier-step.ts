import type { Bucket } from "../canonical/bucket.ts";
import { type Decimal, sum } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import { judgesOutliers, madRule, outlierBand, priceStatistics, reachesOutside, sigmaRule } from "./outliers.ts";
import type { Policy } from "./policy.ts";
import {
  countOf,
  type FoundOutliers,
  type OutlierRule,
  type SourceTotals,
  type SourceVolumes,
  type TradeReader,
} from "./reader.ts";

/** What the outlier filter is held to, and what goes by it. */
export interface OutlierStep extends FoundOutliers {
  /** Null where the filter judges nothing. */
  readonly rule: OutlierRule | null;
}

/** Outliers that are told one by one. */
const MOST_NAMED = 100;

/** Of which trades the outliers are sought. */
export interface OutlierScope {
  readonly reader: TradeReader;
  readonly policy: Policy;
  readonly pairs: readonly Pair[];
  readonly bucket: Bucket;
  readonly maxTrades: number;
}

/**
 * The outliers among the trades of some sources. They are judged by count; where what would go holds more of the quote volume
 * than `maxDroppedShare`, by quote volume instead: many small trades must not throw the market away.
 * @param totals the sources' sums over the bucket
 */
export async function outlierStep(scope: OutlierScope, totals: readonly SourceTotals[]): Promise<OutlierStep> {
  const { policy } = scope;
  if (!judgesOutliers(totals, policy.outlierSigma)) return { rule: null, volumes: [], trades: [] };
  const byCount = await outliersBy(scope, totals, await countRule(scope, totals));
  const most = quoteVolumeOf(totals).times(policy.maxDroppedShare);
  if (!quoteVolumeOf(byCount.volumes).greaterThan(most)) return byCount;
  return outliersBy(scope, totals, await volumeRule(scope, totals));
}

async function countRule(
  { reader, policy: { outlierMethod, outlierSigma: k }, pairs, bucket }: OutlierScope,
  totals: readonly SourceTotals[],
): Promise<OutlierRule> {
  if (outlierMethod === "sigma") return sigmaRule(priceStatistics(totals), k);
  return madRule(await reader.medians(pairs, bucket, namesOf(totals), countOf(totals)), k);
}

async function volumeRule(
  { reader, policy: { outlierMethod, outlierSigma: k }, pairs, bucket }: OutlierScope,
  totals: readonly SourceTotals[],
): Promise<OutlierRule> {
  const sources = namesOf(totals);
  return outlierMethod === "sigma"
    ? sigmaRule(await reader.weightedStatistics(pairs, bucket, sources), k)
    : madRule(await reader.weightedMedians(pairs, bucket, sources), k);
}

async function outliersBy(
  { reader, pairs, bucket, maxTrades }: OutlierScope,
  totals: readonly SourceTotals[],
  rule: OutlierRule,
): Promise<OutlierStep> {
  const band = outlierBand(rule);
  if (band === null || !reachesOutside(totals, band)) return { rule, volumes: [], trades: [] };
  const question = { sources: namesOf(totals), tradeCount: countOf(totals), band, rule };
  return { rule, ...(await reader.outliers(pairs, bucket, question, Math.min(maxTrades, MOST_NAMED))) };
}

function namesOf(totals: readonly SourceTotals[]): string[] {
  return totals.map(({ source }) => source);
}

function quoteVolumeOf(volumes: readonly SourceVolumes[]): Decimal {
  return sum(volumes.map(({ quoteVolume }) => quoteVolume));
}
