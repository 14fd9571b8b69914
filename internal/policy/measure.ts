import type { Bucket } from "../canonical/bucket.ts";
import { type Decimal, sum } from "../canonical/decimal.ts";
import type { Fraction } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import type { DroppedTrades } from "../canonical/published.ts";
import { filterByClass } from "./class-filter.ts";
import { hasVote, minVotingVolume } from "./floor.ts";
import { type OutlierScope, outlierStep } from "./outliers/outlier-step.ts";
import { withoutOutliers } from "./outliers/outliers.ts";
import type { PegFiltered } from "./pegs.ts";
import type { Policy } from "./policy.ts";
import { countOf, type OutlierRule, type SourceVolumes, type TradeReader } from "./reader.ts";
import type { StageReport } from "./stages.ts";
import { keptVenues } from "./venues.ts";
import { vwapOf } from "./vwap-of.ts";
import { weightedPrice } from "./weighted-price.ts";

/** The trades of a pair that pass the filters over a bucket, before the publication checks. */
export interface Measured {
  /** The stored pairs whose trades count. */
  readonly pairs: readonly Pair[];
  readonly kept: readonly SourceVolumes[];
  readonly dropped: DroppedTrades;
  /** Number of trades that pass the class filter. */
  readonly counted: number;
  /** The rule that the outlier filter applied; null where the filter is off or there are too few trades. */
  readonly outlierRule: OutlierRule | null;
  /** Unrounded price in quote units per base unit, with the policy's weights; null where no trade is kept. */
  readonly price: Fraction | null;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
}

export interface MeasureOptions {
  /**
   * Maximum number of outliers to load one by one (at most 100), to be named in the log; it never affects a value.
   */
  readonly maxTrades: number;
  readonly observe: (report: StageReport) => void;
  /**
   * USD per unit of the quote's currency, of a pegged stablecoin the currency that it is pegged to; null where unknown. It
   * decides which venues have a vote.
   */
  readonly currencyRate: () => Promise<Fraction | null>;
}

/** Reads a bucket's sums and applies class filter, venue rule and outlier filter, in this order. */
export async function measure(
  reader: TradeReader,
  policy: Policy,
  { kept: pairs, excluded }: PegFiltered,
  bucket: Bucket,
  { maxTrades, observe, currencyRate }: MeasureOptions,
): Promise<Measured> {
  const [totals, ofBrokenPegs] = await Promise.all([
    reader.totals(pairs, bucket),
    excluded.length === 0 ? [] : reader.totals(excluded, bucket),
  ]);
  const droppedByPeg = countOf(ofBrokenPegs);
  observe({ stage: "read", trades: countOf(totals), dropped: droppedByPeg });

  const { kept: ofClass, dropped: droppedByClass, unknown } = filterByClass(totals, policy);
  const counted = countOf(ofClass);
  observe({ stage: "class", trades: counted, dropped: droppedByClass, unknownSources: unknown });

  const scope: OutlierScope = { reader, policy, pairs, bucket, maxTrades };
  const votes = async (): Promise<(venue: string) => boolean> => {
    const least = minVotingVolume(await currencyRate(), policy);
    const voters = ofClass.filter(({ quoteVolume }) => hasVote(quoteVolume, least));
    return (venue) => voters.some(({ source }) => source === venue);
  };
  const near = await keptVenues(ofClass, policy, votes, async (venue) => {
    const [clean = venue] = withoutOutliers([venue], (await outlierStep(scope, [venue])).volumes);
    return vwapOf(clean);
  });
  const ofVenues = ofClass.filter(({ source }) => near.has(source));
  const droppedVenues = counted - countOf(ofVenues);
  if (!policy.venueDeviationPct.isZero()) {
    observe({ stage: "venue", trades: countOf(ofVenues), dropped: droppedVenues });
  }

  const outliers = await outlierStep(scope, ofVenues);
  const kept = outliers.volumes.length === 0 ? ofVenues : withoutOutliers(ofVenues, outliers.volumes);
  const droppedAsOutliers = countOf(outliers.volumes);
  observe({
    stage: "outlier",
    trades: countOf(kept),
    dropped: droppedAsOutliers,
    ...(outliers.trades === null ? {} : { outliers: outliers.trades }),
  });
  return {
    pairs,
    kept,
    dropped: {
      class: droppedByClass,
      outlier: droppedAsOutliers,
      ...(droppedVenues === 0 ? {} : { venue: droppedVenues }),
      ...(droppedByPeg === 0 ? {} : { peg: droppedByPeg }),
    },
    counted,
    outlierRule: outliers.rule,
    price: kept.length === 0 ? null : weightedPrice(kept, policy),
    baseVolume: sum(kept.map(({ baseVolume }) => baseVolume)),
    quoteVolume: sum(kept.map(({ quoteVolume }) => quoteVolume)),
  };
}
