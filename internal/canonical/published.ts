import type { Bucket } from "./bucket.ts";
import { formatPair, type Pair } from "./pair.ts";
import { formatTime, MICROS_PER_SECOND } from "./time.ts";

/** What one source contributed to a published value. */
export interface PublishedSource {
  readonly source: string;
  readonly trade_count: number;
  readonly base_volume: string;
  readonly quote_volume: string;
  /** Part of the quote volume, 0 to 1. */
  readonly share: string;
}

/** Trades left out, by the filter that did. */
export interface DroppedTrades {
  readonly class: number;
  readonly outlier: number;
  /** Present where a venue was left out. */
  readonly venue?: number | undefined;
  /** Present where an asset that trades far from its peg was left out. */
  readonly peg?: number | undefined;
}

/** A market that a triangulated price leads through. */
export type PublishedLeg = {
  /** `base/quote` in the direction of the chain. */
  readonly pair: string;
  /** Of `pair`, rounded like every price; the target's is the product of the exact ones. */
  readonly price: string;
  /** Whether the price was read from `quote/base`. */
  readonly inverted: boolean;
} & (
  | { readonly method: "vwap"; readonly usd_volume: string | null; readonly trade_count: number }
  /** The last exchange rate, of `as_of`, instead of a window's average. */
  | { readonly method: "fx"; readonly source: string; readonly as_of: string }
);

/**
 * The price of one target over one bucket, as it is published. Decimals are strings in plain notation, volumes in whole
 * units of their asset, times RFC 3339 with `Z`.
 */
export interface PublishedValue {
  /** Canonical, `base/quote`, as configured. */
  readonly pair: string;
  readonly window_seconds: number;
  readonly from: string;
  readonly to: string;
  readonly price: string;
  readonly base_volume: string;
  readonly quote_volume: string;
  /** Null where no rate to USD is known. */
  readonly usd_volume: string | null;
  readonly trade_count: number;
  /** Sorted by source. */
  readonly sources: readonly PublishedSource[];
  readonly dropped: DroppedTrades;
  /** Hash of the settings that decide the figure. */
  readonly policy: string;
  /** Present where the price comes from other markets; volumes, count and sources are then 0 and empty. */
  readonly provenance?: "triangulated" | undefined;
  /** In the direction from base to quote; present with `provenance`. One where it is the inverted market. */
  readonly legs?: readonly PublishedLeg[] | undefined;
}

/** What says of which market and time a value is. */
export function publishedBucket(
  pair: Pair,
  { from, to }: Bucket,
): Pick<PublishedValue, "pair" | "window_seconds" | "from" | "to"> {
  return {
    pair: formatPair(pair),
    window_seconds: Number((to - from) / MICROS_PER_SECOND),
    from: formatTime(from),
    to: formatTime(to),
  };
}

/**
 * The one line of JSON that stands for a value everywhere: the same bytes for the same value, whatever order its keys
 * were set in. Figures are taken as they are.
 */
export function serializePublished(value: PublishedValue): string {
  return JSON.stringify({
    pair: value.pair,
    window_seconds: value.window_seconds,
    from: value.from,
    to: value.to,
    price: value.price,
    base_volume: value.base_volume,
    quote_volume: value.quote_volume,
    usd_volume: value.usd_volume,
    trade_count: value.trade_count,
    sources: value.sources.map((each) => ({
      source: each.source,
      trade_count: each.trade_count,
      base_volume: each.base_volume,
      quote_volume: each.quote_volume,
      share: each.share,
    })),
    // What is undefined is left out.
    dropped: {
      class: value.dropped.class,
      outlier: value.dropped.outlier,
      venue: value.dropped.venue,
      peg: value.dropped.peg,
    },
    policy: value.policy,
    provenance: value.provenance,
    legs: value.legs?.map((leg) => ({
      pair: leg.pair,
      price: leg.price,
      inverted: leg.inverted,
      method: leg.method,
      ...(leg.method === "vwap"
        ? { usd_volume: leg.usd_volume, trade_count: leg.trade_count }
        : { source: leg.source, as_of: leg.as_of }),
    })),
  });
}
