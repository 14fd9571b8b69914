import type { Bucket } from "../canonical/bucket.ts";
import { sum, ZERO } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import { fxSources } from "../sources/registry.ts";
import { filterByClass } from "./class-filter.ts";
import { expandPair } from "./expansion.ts";
import {
  checkFloor,
  type FloorRefusal,
  isUsd,
  publishedUsdVolume,
  quoteCurrency,
  type UsdVolume,
  usdVolumeOf,
} from "./floor.ts";
import { isOutlier, outlierBand, priceStatistics, reachesOutside, withoutOutliers } from "./outliers.ts";
import type { Policy } from "./policy.ts";
import type { PricedTrade, PriceStatistics, SourceTotals, SourceVolumes, TradeReader } from "./reader.ts";
import { publishVwap } from "./vwap.ts";

/** The steps of a computation, in their order. */
export type Stage = "read" | "class" | "outlier" | "floor" | "vwap";

/** What a step did, for whoever watches; `trades` is what it hands on. */
export interface StageReport {
  readonly stage: Stage;
  readonly trades: number;
  readonly dropped: number;
  /** Sources the registry does not know (stage `class`). */
  readonly unknownSources?: readonly string[];
  /** The trades that went (stage `outlier`), where they are few enough to name. */
  readonly outliers?: readonly PricedTrade[];
}

/** Nothing is published: no trade is left (`empty`), or the volume floor refuses. */
export type Refusal = "empty" | FloorRefusal;

export interface Computation {
  /** The value as it is published; null with a `refusal`. */
  readonly value: PublishedValue | null;
  readonly refusal: Refusal | null;
  readonly dropped: { readonly class: number; readonly outlier: number };
  /** Over the trades the class filter kept; what the outlier filter judged by. */
  readonly statistics: PriceStatistics;
  readonly usdVolumeKnown: boolean;
}

export interface ComputeOptions {
  /** How many raw trades may be pulled into the process; what exceeds it is done in the database, same answer. */
  readonly maxTrades: number;
  readonly observe?: (report: StageReport) => void;
}

/**
 * The value of one pair over one bucket under a policy: expansion, class filter, outlier filter, volume floor, VWAP.
 * The same trades and policy give the same bytes, wherever and whenever.
 */
export async function computeValue(
  reader: TradeReader,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
  { maxTrades, observe = () => {} }: ComputeOptions,
): Promise<Computation> {
  const pairs = expandPair(pair, policy);
  const totals = await reader.totals(pairs, bucket);
  observe({ stage: "read", trades: countOf(totals), dropped: 0 });

  const { kept: counted, dropped: droppedByClass, unknown } = filterByClass(totals, policy);
  observe({ stage: "class", trades: countOf(counted), dropped: droppedByClass, unknownSources: unknown });

  const statistics = priceStatistics(counted);
  const outliers = await findOutliers(reader, policy, pairs, bucket, counted, statistics, maxTrades);
  const kept = withoutOutliers(counted, outliers.volumes);
  const dropped = { class: droppedByClass, outlier: countOf(outliers.volumes) };
  observe({
    stage: "outlier",
    trades: countOf(kept),
    dropped: dropped.outlier,
    ...(outliers.trades === null ? {} : { outliers: outliers.trades }),
  });
  const refuse = (refusal: Refusal, usdVolumeKnown: boolean): Computation => ({
    value: null,
    refusal,
    dropped,
    statistics,
    usdVolumeKnown,
  });
  if (kept.length === 0) return refuse("empty", true);

  const usdVolume = await usdVolumeFor(reader, policy, pair, bucket, kept);
  const refusal = checkFloor(usdVolume, policy);
  observe({ stage: "floor", trades: refusal === null ? countOf(kept) : 0, dropped: 0 });
  if (refusal !== null) return refuse(refusal, usdVolume !== null);

  const value = publishVwap({
    pair,
    bucket,
    kept,
    usdVolume: usdVolume === null ? null : publishedUsdVolume(usdVolume),
    dropped,
    policyId: policy.id,
  });
  observe({ stage: "vwap", trades: value.trade_count, dropped: 0 });
  return { value, refusal: null, dropped, statistics, usdVolumeKnown: usdVolume !== null };
}

interface FoundOutliers {
  readonly volumes: readonly SourceVolumes[];
  /** Null where they were too many to pull into the process. */
  readonly trades: readonly PricedTrade[] | null;
}

async function findOutliers(
  reader: TradeReader,
  { outlierSigma: sigma }: Policy,
  pairs: readonly Pair[],
  bucket: Bucket,
  counted: readonly SourceTotals[],
  statistics: PriceStatistics,
  maxTrades: number,
): Promise<FoundOutliers> {
  const band = outlierBand(statistics, sigma);
  if (band === null || !reachesOutside(counted, band)) return { volumes: [], trades: [] };
  const question = { sources: counted.map(({ source }) => source), band, statistics, sigma };
  const candidates = await reader.tradesOutside(pairs, bucket, question, maxTrades);
  if (candidates === null) return { volumes: await reader.outlierTotals(pairs, bucket, question), trades: null };
  const trades = candidates.filter(({ price }) => isOutlier(price, statistics, sigma));
  return { volumes: volumesBySource(trades), trades };
}

function volumesBySource(trades: readonly PricedTrade[]): SourceVolumes[] {
  const volumes = new Map<string, SourceVolumes>();
  for (const { source, baseAmount, quoteAmount } of trades) {
    const before = volumes.get(source);
    volumes.set(source, {
      source,
      tradeCount: (before?.tradeCount ?? 0) + 1,
      baseVolume: (before?.baseVolume ?? ZERO).plus(baseAmount),
      quoteVolume: (before?.quoteVolume ?? ZERO).plus(quoteAmount),
    });
  }
  return [...volumes.values()];
}

async function usdVolumeFor(
  reader: TradeReader,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
  kept: readonly SourceVolumes[],
): Promise<UsdVolume | null> {
  const currency = quoteCurrency(pair, policy);
  if (currency === null) return null;
  const quoteVolume = sum(kept.map((source) => source.quoteVolume));
  if (isUsd(currency)) return usdVolumeOf(quoteVolume, null);
  const rate = await reader.fxQuote(currency, fxSources(policy.registry), bucket.to);
  return rate === null ? null : usdVolumeOf(quoteVolume, rate);
}

function countOf(volumes: readonly { readonly tradeCount: number }[]): number {
  return volumes.reduce((count, { tradeCount }) => count + tradeCount, 0);
}
