/** What one source contributed to a published value. */
export interface PublishedSource {
  readonly source: string;
  readonly trade_count: number;
  readonly base_volume: string;
  readonly quote_volume: string;
  /** Part of the quote volume, 0 to 1. */
  readonly share: string;
}

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
  /** Trades left out, by the filter that did. */
  readonly dropped: { readonly class: number; readonly outlier: number };
  /** Hash of the settings that decide the figure. */
  readonly policy: string;
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
    dropped: { class: value.dropped.class, outlier: value.dropped.outlier },
    policy: value.policy,
  });
}
