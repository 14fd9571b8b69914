import type { Bucket } from "../canonical/bucket.ts";
import { sum } from "../canonical/decimal.ts";
import type { Fraction } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import type { DroppedTrades, PublishedValue } from "../canonical/published.ts";
import { fxSources } from "../sources/registry.ts";
import { filterByClass } from "./class-filter.ts";
import { expandPair } from "./expansion.ts";
import { checkFloor, type FloorRefusal, isUsd, quoteCurrency, usdVolumeOf } from "./floor.ts";
import { madRule, outlierBand, priceStatistics, reachesOutside, sigmaRule, withoutOutliers } from "./outliers.ts";
import type { Policy } from "./policy.ts";
import {
  countOf,
  type FoundOutliers,
  type OutlierRule,
  type PricedTrade,
  type SourceTotals,
  type SourceVolumes,
  type TradeReader,
} from "./reader.ts";
import { filterVenues } from "./venues.ts";
import { publishVwap } from "./vwap.ts";
import { weightedPrice } from "./weighted-price.ts";

/** The steps of a computation, in their order. */
export const STAGES = ["read", "class", "outlier", "venue", "floor", "vwap"] as const;
export type Stage = (typeof STAGES)[number];

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

/** Outliers that are told one by one. */
const MOST_NAMED = 100;

/** Nothing is published: no trade is left (`empty`), or the volume floor refuses. */
export type Refusal = "empty" | FloorRefusal;

export interface Computation {
  /** The value as it is published; null with a `refusal`. */
  readonly value: PublishedValue | null;
  /** What of it is exact. */
  readonly exact: { readonly price: Fraction; readonly usdVolume: Fraction | null } | null;
  readonly refusal: Refusal | null;
  readonly dropped: DroppedTrades;
  /** Trades that the class filter kept. */
  readonly counted: number;
  /** What the outlier filter judged by; null where it is off. */
  readonly outlierRule: OutlierRule | null;
  readonly usdVolumeKnown: boolean;
}

export interface ComputeOptions {
  /** How many raw trades may be pulled into the process; what exceeds it is done in the database, same answer. */
  readonly maxTrades: number;
  readonly observe?: (report: StageReport) => void;
}

/**
 * The value that one pair's own trades give over one bucket under a policy: expansion, class filter, outlier filter, venue
 * filter, volume floor, VWAP. The same trades and policy give the same bytes, wherever and whenever.
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

  const { kept: ofClass, dropped: droppedByClass, unknown } = filterByClass(totals, policy);
  const counted = countOf(ofClass);
  observe({ stage: "class", trades: counted, dropped: droppedByClass, unknownSources: unknown });

  const rule = await outlierRuleFor(reader, policy, pairs, bucket, ofClass);
  const outliers = await findOutliers(reader, rule, pairs, bucket, ofClass, maxTrades);
  const inside = outliers.volumes.length === 0 ? ofClass : withoutOutliers(ofClass, outliers.volumes);
  const droppedAsOutliers = countOf(outliers.volumes);
  observe({
    stage: "outlier",
    trades: countOf(inside),
    dropped: droppedAsOutliers,
    ...(outliers.trades === null ? {} : { outliers: outliers.trades }),
  });

  const { kept, dropped: droppedVenues } = filterVenues(inside, policy);
  const filtersVenues = !policy.venueDeviationPct.isZero();
  if (filtersVenues) observe({ stage: "venue", trades: countOf(kept), dropped: droppedVenues });
  const dropped = {
    class: droppedByClass,
    outlier: droppedAsOutliers,
    ...(filtersVenues ? { venue: droppedVenues } : {}),
  };
  const refuse = (refusal: Refusal, usdVolumeKnown: boolean): Computation => ({
    value: null,
    exact: null,
    refusal,
    dropped,
    counted,
    outlierRule: rule,
    usdVolumeKnown,
  });
  if (kept.length === 0) return refuse("empty", true);

  const usdVolume = await usdVolumeFor(reader, policy, pair, bucket, kept);
  const refusal = checkFloor(usdVolume, policy);
  observe({ stage: "floor", trades: refusal === null ? countOf(kept) : 0, dropped: 0 });
  if (refusal !== null) return refuse(refusal, usdVolume !== null);

  const price = weightedPrice(kept, policy);
  const value = publishVwap({ pair, bucket, kept, price, usdVolume, dropped, policyId: policy.id });
  observe({ stage: "vwap", trades: value.trade_count, dropped: 0 });
  return {
    value,
    exact: { price, usdVolume },
    refusal: null,
    dropped,
    counted,
    outlierRule: rule,
    usdVolumeKnown: usdVolume !== null,
  };
}

async function outlierRuleFor(
  reader: TradeReader,
  { outlierMethod, outlierSigma: k }: Policy,
  pairs: readonly Pair[],
  bucket: Bucket,
  counted: readonly SourceTotals[],
): Promise<OutlierRule | null> {
  const rule = sigmaRule(priceStatistics(counted), countOf(counted), k);
  if (rule === null || outlierMethod === "sigma") return rule;
  return madRule(await reader.medians(pairs, bucket, sourcesOf(counted), countOf(counted)), k);
}

async function findOutliers(
  reader: TradeReader,
  rule: OutlierRule | null,
  pairs: readonly Pair[],
  bucket: Bucket,
  counted: readonly SourceTotals[],
  maxTrades: number,
): Promise<FoundOutliers> {
  const band = rule && outlierBand(rule);
  if (rule === null || band === null || !reachesOutside(counted, band)) return { volumes: [], trades: [] };
  const question = { sources: sourcesOf(counted), tradeCount: countOf(counted), band, rule };
  return reader.outliers(pairs, bucket, question, Math.min(maxTrades, MOST_NAMED));
}

function sourcesOf(totals: readonly SourceTotals[]): string[] {
  return totals.map(({ source }) => source);
}

async function usdVolumeFor(
  reader: TradeReader,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
  kept: readonly SourceVolumes[],
): Promise<Fraction | null> {
  const currency = quoteCurrency(pair, policy);
  if (currency === null) return null;
  const quoteVolume = sum(kept.map((source) => source.quoteVolume));
  if (isUsd(currency)) return usdVolumeOf(quoteVolume, null);
  const rate = await reader.fxQuote(currency, fxSources(policy.registry), bucket.to);
  return rate === null ? null : usdVolumeOf(quoteVolume, rate);
}
