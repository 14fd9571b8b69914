import type { Docs } from "./type.ts";

/** The prose of `[aggregate]`. */
export const aggregateDocs: Docs = {
  "aggregate.pairs": `
    The pairs to publish, as base/quote: ["XLM/USD", "crypto:BTC/fiat:EUR"]. A bare code is a currency if ISO 4217 lists
    it, otherwise a crypto ticker. Other assets are native, CODE-ISSUER (or CODE:ISSUER) and C… (contracts). A known code
    in the wrong case, such as xlm, is an error, and so are two names of the same market. An empty list means XLM, BTC and
    ETH, each in USD, EUR and GBP.
  `,

  "aggregate.windows": `
    The windows to publish for each pair: multiples of bucket_seconds, at least interval_seconds, at most 744h (31 days).
    An empty list means ["5m", "1h", "24h"].
  `,

  "aggregate.interval_seconds": `
    Seconds between two refreshes; a multiple of bucket_seconds. Published buckets end at multiples of this interval.
  `,

  "aggregate.bucket_seconds": "Requested times are rounded down to this grid, in seconds.",

  "aggregate.settle_seconds": `
    Wait before a bucket is final, in seconds: late trades are accepted for this long after its end. A bucket that is not
    final is never shown.
  `,

  "aggregate.vwap_window_seconds": "Default window of /v1/vwap, in seconds.",
  "aggregate.twap_window_seconds": "Default window of /v1/twap, in seconds.",

  "aggregate.disable_class_filter": `
    true counts the trades of every source, including aggregators, oracles and sources that are not in the registry. For
    investigations only.
  `,

  "aggregate.enable_stablecoin_fiat_proxy": `
    true counts trades in a stablecoin as trades in the currency it is pegged to (see [aggregate.pegs]).
  `,

  "aggregate.outlier_method": `
    How outliers are found, with k = outlier_sigma_threshold:

      "sigma"   |price − mean| > k standard deviations
      "mad"     |price − median| > k · 1.4826 · MAD, where MAD is the median of all |price − median|. A cluster of wrong
                prices cannot inflate it, but every refresh reads the raw trades of the window, which costs more.
  `,

  "aggregate.outlier_sigma_threshold": `
    k: trades that deviate by more than this do not count; 0 turns the filter off. With "sigma" and k = 4, nothing can be
    dropped from fewer than 18 trades.
  `,

  "aggregate.outlier_max_dropped_share": `
    A share of the quote volume, 0 to 1. The outlier filter gives every trade the same weight; if it would drop more than
    this share, it weights trades by quote volume instead, so that many tiny trades cannot drop the real market. 1 turns
    this off.
  `,

  "aggregate.venue_deviation_pct": `
    With three or more venues, a venue whose own VWAP is more than this many per cent from the median of the venues is left
    out of that bucket, before the outlier filter runs; 0 turns the rule off. Before a venue is left out, its VWAP is
    computed again without its own outliers. Venues with less volume than a hundredth of min_usd_volume do not count
    towards the median.
  `,

  "aggregate.max_source_share": `
    The largest share of a price that one venue may have, 0 to 1. Larger venues are weighted down to it; with too few venues
    for that, all get the same weight. 0 turns the cap off.
  `,

  "aggregate.min_usd_volume": `
    The floor: the least volume of a window, in US dollars, for its value to be published. 0 turns the floor off.
  `,

  "aggregate.min_usd_volume_unknown": `
    Whether to "publish" or "refuse" a value whose volume cannot be converted to US dollars. Quotes in USD, or pegged to it,
    count 1:1; other currencies are converted at the last exchange rate, and any other quote at its own USD price of the
    same bucket.
  `,

  "aggregate.min_sources":
    "The least number of sources that must remain after all filters for a value to be published.",

  "aggregate.guard_factor": `
    A value above this factor times the pair's recent price, or below the recent price divided by it, is withheld until it
    is confirmed (docs/guard.md). 0 turns the guard off.
  `,

  "aggregate.guard_confirmations": `
    How many sources must confirm such a value. A source confirms it if it traded at least min_usd_volume in the bucket, at
    a price within guard_factor of the value.
  `,

  "aggregate.guard_hold_seconds": `
    While the guard withholds a value, /v1/price answers the last publishable one, as "held", for at most this many seconds.
  `,

  "aggregate.peg_tolerance_pct": `
    With enable_stablecoin_fiat_proxy, a stablecoin whose own market against its currency is more than this many per cent
    from 1 does not count for the currency in that bucket. Only a market with at least min_usd_volume decides this. 0 turns
    the check off.
  `,

  "aggregate.twap_carry_seconds": `
    A TWAP begins with the last price from before the bucket if that is at most this many seconds old.
  `,

  "aggregate.precompute_twap": `
    true also writes the TWAP of every target on each tick, under twap:<base>:<quote>:<window>. This reads the raw trades of
    the windows and costs more.
  `,

  "aggregate.triangulation_enabled": `
    true computes a price through other markets for a pair that has no publishable price of its own: XLM/EUR through XLM/USD
    and EUR/USD.
  `,

  "aggregate.route_deviation_pct": `
    With three or more such routes, a route whose price is more than this many per cent from their median is not used; 0
    turns the check off.
  `,

  "aggregate.max_hops": `
    The most markets on a route, 2 to 4. It applies to pairs without a configured chain ([[aggregate.triangulations]]).
  `,

  "aggregate.max_trades_per_window": `
    The most raw trades that one refresh of a target reads into the process. This never changes a value: the database
    computes what would exceed it. By default only outliers are read, at most a hundred, to name them in the debug log.
  `,

  "aggregate.concurrency": `
    How many targets (a pair and a window) are computed at once. Their queries are batched, so a tick needs few round trips.
    A lower number makes more and shorter statements.
  `,

  "aggregate.replicas": `
    "single": this aggregator computes every target. "shared": any number of aggregators on the same database and Redis
    divide the targets among themselves, and take over those of one that stops.
  `,

  "aggregate.ops_listen": "Address of the aggregator's health checks and metrics, as host:port. Keep it private.",

  "aggregate.stellar_network": `
    The Stellar network, "public", "testnet" or a passphrase, for which the contracts (SAC) of classic assets are computed.
    Trades of an asset's contract count as trades of the asset. A pair may name either; with many pairs, the classic asset
    costs less.
  `,

  "aggregate.aliases": `
    Other names of an asset: trades under one name count under every other. Aliases are symmetric and transitive. Entries
    add to the default; an empty list removes a default entry: native = [].
  `,

  "aggregate.pegs": `
    Assets that count as a currency, 1:1. Built in, as crypto: tickers: USDT, USDC, DAI, PYUSD, USDP (USD), EURC, EUROC,
    EUROB (EUR) and MXNe (MXN), and Circle's USDC and EURC on Stellar's public network. Declare others here:
  `,

  "aggregate.triangulations": `
    Chains: the markets through which a pair is priced when it has no publishable price of its own. The target is published
    even if aggregate.pairs does not list it. Write one [[aggregate.triangulations]] per chain, at most one per market:
  `,
};
