import type { Bucket } from "../../canonical/bucket.ts";
import { type Decimal, sum } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { Policy } from "../policy.ts";
import {
  countOf,
  type FoundOutliers,
  type OutlierRule,
  type SourceTotals,
  type SourceVolumes,
  type TradeReader,
} from "../reader.ts";
import {
  hasPriceOutside,
  isOutlierFilterActive,
  madRule,
  outlierBand,
  priceStatistics,
  sigmaRule,
} from "./outliers.ts";

/** The outliers, and the rule by which they were found. */
export interface OutlierStep extends FoundOutliers {
  /** Null where the filter is off or there are too few trades. */
  readonly rule: OutlierRule | null;
}

/** Maximum number of outliers that are reported one by one. */
const MAX_NAMED_TRADES = 100;

/** The trades in which outliers are searched. */
export interface OutlierScope {
  readonly reader: TradeReader;
  readonly policy: Policy;
  readonly pairs: readonly Pair[];
  readonly bucket: Bucket;
  readonly maxTrades: number;
}

/**
 * Returns the outliers among the trades of some sources. The statistics count every trade equally; if the outliers hold
 * more than `maxDroppedShare` of the quote volume, statistics weighted by quote volume are used instead, so that many
 * small trades cannot displace the market.
 * @param totals the sources' sums over the bucket
 */
export async function outlierStep(scope: OutlierScope, totals: readonly SourceTotals[]): Promise<OutlierStep> {
  const { policy } = scope;
  if (!isOutlierFilterActive(totals, policy.outlierSigma)) return { rule: null, volumes: [], trades: [] };
  const byCount = await outliersBy(scope, totals, await countRule(scope, totals));
  const maxDropped = quoteVolumeOf(totals).times(policy.maxDroppedShare);
  if (!quoteVolumeOf(byCount.volumes).greaterThan(maxDropped)) return byCount;
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
  if (band === null || !hasPriceOutside(totals, band)) return { rule, volumes: [], trades: [] };
  const query = { sources: namesOf(totals), tradeCount: countOf(totals), band, rule };
  return { rule, ...(await reader.outliers(pairs, bucket, query, Math.min(maxTrades, MAX_NAMED_TRADES))) };
}

function namesOf(totals: readonly SourceTotals[]): string[] {
  return totals.map(({ source }) => source);
}

function quoteVolumeOf(volumes: readonly SourceVolumes[]): Decimal {
  return sum(volumes.map(({ quoteVolume }) => quoteVolume));
}
