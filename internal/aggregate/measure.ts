import type { Bucket } from "../canonical/bucket.ts";
import { type Decimal, sum } from "../canonical/decimal.ts";
import type { Fraction } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import type { DroppedTrades } from "../canonical/published.ts";
import { filterByClass } from "./class-filter.ts";
import { hasVote, leastVote } from "./floor.ts";
import { type OutlierScope, outlierStep } from "./outlier-step.ts";
import { withoutOutliers } from "./outliers.ts";
import type { PegFiltered } from "./pegs.ts";
import type { Policy } from "./policy.ts";
import { countOf, type OutlierRule, type SourceVolumes, type TradeReader } from "./reader.ts";
import type { StageReport } from "./stages.ts";
import { keptVenues } from "./venues.ts";
import { volumePrice } from "./volume-price.ts";
import { weightedPrice } from "./weighted-price.ts";

/** What the filters leave of a pair's own trades over a bucket, before it is asked whether that may be published. */
export interface Measured {
  /** The stored pairs whose trades count. */
  readonly pairs: readonly Pair[];
  readonly kept: readonly SourceVolumes[];
  readonly dropped: DroppedTrades;
  /** Trades that the class filter kept. */
  readonly counted: number;
  /** What the outlier filter judged by; null where it judges nothing. */
  readonly outlierRule: OutlierRule | null;
  /** Quote units per base unit, weighted by the policy and not rounded; null where nothing is kept. */
  readonly price: Fraction | null;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
}

export interface MeasureOptions {
  /** How many raw trades may be pulled into the process; what exceeds it is done in the database, same answer. */
  readonly maxTrades: number;
  readonly observe: (report: StageReport) => void;
  /** USD per unit of the currency that the quote is or is pegged to; null where that is not known. */
  readonly currencyRate: () => Promise<Fraction | null>;
}

/**
 * Class filter, venue rule and outlier filter, in this order.
 */
export async function measure(
  reader: TradeReader,
  policy: Policy,
  { kept: pairs, left }: PegFiltered,
  bucket: Bucket,
  { maxTrades, observe, currencyRate }: MeasureOptions,
): Promise<Measured> {
  const [totals, ofBrokenPegs] = await Promise.all([
    reader.totals(pairs, bucket),
    left.length === 0 ? [] : reader.totals(left, bucket),
  ]);
  const droppedByPeg = countOf(ofBrokenPegs);
  observe({ stage: "read", trades: countOf(totals), dropped: droppedByPeg });

  const { kept: ofClass, dropped: droppedByClass, unknown } = filterByClass(totals, policy);
  const counted = countOf(ofClass);
  observe({ stage: "class", trades: counted, dropped: droppedByClass, unknownSources: unknown });

  const scope: OutlierScope = { reader, policy, pairs, bucket, maxTrades };
  const votes = async (): Promise<(venue: string) => boolean> => {
    const least = leastVote(await currencyRate(), policy);
    const voters = ofClass.filter(({ quoteVolume }) => hasVote(quoteVolume, least));
    return (venue) => voters.some(({ source }) => source === venue);
  };
  const near = await keptVenues(ofClass, policy, votes, async (venue) => {
    const [clean = venue] = withoutOutliers([venue], (await outlierStep(scope, [venue])).volumes);
    return volumePrice(clean);
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
