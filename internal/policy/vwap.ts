import type { Bucket } from "../canonical/bucket.ts";
import { type Decimal, formatDecimal, shareOf } from "../canonical/decimal.ts";
import { type Fraction, roundFraction } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import { type DroppedTrades, type PublishedValue, publishedBucket } from "../canonical/published.ts";
import type { SourceVolumes } from "./reader.ts";

/** The inputs of a published value. */
export interface VwapInput {
  readonly pair: Pair;
  readonly bucket: Bucket;
  /** One or more sources, in bytewise order. */
  readonly kept: readonly SourceVolumes[];
  /** The sums over `kept`. */
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly price: Fraction;
  readonly usdVolume: Fraction | null;
  readonly dropped: DroppedTrades;
  readonly policyId: string;
}

/** Returns the published value: price and USD volume rounded half-even to 18 significant digits, the rest exact. */
export function publishVwap(input: VwapInput): PublishedValue {
  const { pair, bucket, kept, baseVolume, quoteVolume, price, usdVolume, dropped, policyId } = input;
  const { pair: name, window_seconds, from, to } = publishedBucket(pair, bucket);
  // The fields are listed because an object spread costs more than all the arithmetic here.
  return {
    pair: name,
    window_seconds,
    from,
    to,
    price: formatDecimal(roundFraction(price)),
    base_volume: formatDecimal(baseVolume),
    quote_volume: formatDecimal(quoteVolume),
    usd_volume: usdVolume === null ? null : formatDecimal(roundFraction(usdVolume)),
    trade_count: kept.reduce((count, source) => count + source.tradeCount, 0),
    sources: kept.map((source) => ({
      source: source.source,
      trade_count: source.tradeCount,
      base_volume: formatDecimal(source.baseVolume),
      quote_volume: formatDecimal(source.quoteVolume),
      share: formatDecimal(shareOf(source.quoteVolume, quoteVolume)),
    })),
    dropped,
    policy: policyId,
  };
}
