import type { Bucket } from "../canonical/bucket.ts";
import { type Decimal, dividePublished, formatDecimal, shareOf, sum } from "../canonical/decimal.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import { formatTime, MICROS_PER_SECOND } from "../canonical/time.ts";
import type { SourceVolumes } from "./reader.ts";

/** What a published value is made of. */
export interface VwapInput {
  readonly pair: Pair;
  readonly bucket: Bucket;
  /** At least one source, in bytewise order. */
  readonly kept: readonly SourceVolumes[];
  readonly usdVolume: Decimal | null;
  readonly dropped: { readonly class: number; readonly outlier: number };
  readonly policyId: string;
}

/** VWAP = Σ quote / Σ base over what is kept, rounded half-even to 18 significant digits, as it is published. */
export function publishVwap({ pair, bucket, kept, usdVolume, dropped, policyId }: VwapInput): PublishedValue {
  const baseVolume = sum(kept.map((source) => source.baseVolume));
  const quoteVolume = sum(kept.map((source) => source.quoteVolume));
  return {
    pair: formatPair(pair),
    window_seconds: Number((bucket.to - bucket.from) / MICROS_PER_SECOND),
    from: formatTime(bucket.from),
    to: formatTime(bucket.to),
    price: formatDecimal(dividePublished(quoteVolume, baseVolume)),
    base_volume: formatDecimal(baseVolume),
    quote_volume: formatDecimal(quoteVolume),
    usd_volume: usdVolume === null ? null : formatDecimal(usdVolume),
    trade_count: kept.reduce((count, source) => count + source.tradeCount, 0),
    sources: kept.map((source) => ({
      source: source.source,
      trade_count: source.tradeCount,
      base_volume: formatDecimal(source.baseVolume),
      quote_volume: formatDecimal(source.quoteVolume),
      share: formatDecimal(shareOf(source.quoteVolume, quoteVolume)),
    })),
    dropped: { class: dropped.class, outlier: dropped.outlier },
    policy: policyId,
  };
}
