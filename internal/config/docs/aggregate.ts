import type { Docs } from "./docs.ts";

/** The prose of `[aggregate]`. */
export const aggregateDocs: Docs = {
  "aggregate.pairs": `
    The pairs to publish, base/quote: ["XLM/USD", "crypto:BTC/fiat:EUR"]. A bare code is a currency if ISO 4217 has it,
    else a crypto ticker; other assets are native, CODE-ISSUER (or CODE:ISSUER) and C… (contracts). A known code in
    another case, such as xlm, is an error, and so are two names of one market. An empty list stands for XLM, BTC and ETH
    in USD, EUR and GBP.
  `,

  "aggregate.windows": `
    The windows to publish each pair for: multiples of bucket_seconds, at least interval_seconds, at most 744h (31 days).
    An empty list stands for ["5m", "1h", "24h"].
  `,

  "aggregate.interval_seconds": `
    Seconds between two refreshes; a multiple of bucket_seconds. Values are published for the ends of these intervals.
  `,

  "aggregate.bucket_seconds": "Seconds of the grid that questions about any other moment are put on.",

  "aggregate.settle_seconds": `
    Seconds that decoders have to land a bucket's last trades before it counts as closed. No open bucket is ever shown.
  `,

  "aggregate.vwap_window_seconds": "The window of /v1/vwap where the caller names none, in seconds.",
  "aggregate.twap_window_seconds": "The window of /v1/twap where the caller names none, in seconds.",

  "aggregate.disable_class_filter": `
    true counts the trades of every source, also of aggregators, oracles and sources nobody knows. For investigations.
  `,

  "aggregate.enable_stablecoin_fiat_proxy": `
    true counts trades in stablecoins as trades in the currency they are pegged to (see [aggregate.pegs]).
  `,

  "aggregate.outlier_method": `
    Which trades are outliers, with k for outlier_sigma_threshold:

      "sigma"   |price − mean| > k standard deviations
      "mad"     |price − median| > k · 1.4826 · MAD, the median of all |price − median|, which a cluster of wrong prints
                cannot stretch; reads the raw trades of the window at every refresh and costs more
  `,

  "aggregate.outlier_sigma_threshold": `
    k: trades further off than this do not count; 0 counts all. With "sigma" and 4, nothing can be left out of fewer than
    18 trades.
  `,

  "aggregate.outlier_max_dropped_share": `
    The outlier filter counts trades. Where what it would leave out holds more than this part of the quote volume, 0 to 1,
    it weighs them by quote volume instead, so that many tiny trades cannot throw the market away; 1 never weighs.
  `,

  "aggregate.venue_deviation_pct": `
    A venue whose own VWAP of the window lies more than this many per cent from the median of the venues is left out of
    that bucket, before outliers are looked for, where there are three venues or more; 0 leaves none out. The VWAP of a venue
    that deviates is looked at once more without that venue's own outliers. Venues that traded less than a hundredth of
    min_usd_volume have no vote in the median.
  `,

  "aggregate.max_source_share": `
    The most that one venue may make of a price, from 0 to 1: its weight is cut until that holds. Where the venues are too
    few for it, all count alike. 0 cuts none.
  `,

  "aggregate.min_usd_volume": `
    US dollars that the trades of a window must add up to for its value to be published; 0 publishes any.
  `,

  "aggregate.min_usd_volume_unknown": `
    What becomes of a value whose volume cannot be put in US dollars: "publish" or "refuse". Quotes in USD or pegged to it
    count 1:1, other currencies at the last exchange rate, and any other quote at its own USD price of the same bucket.
  `,

  "aggregate.min_sources": "How many sources must be left by the filters for a value to be published.",

  "aggregate.guard_factor": `
    A value more than this many times the pair's recent price, or less than that part of it, is withheld unless it is
    confirmed (docs/guard.md); 0 is off.
  `,

  "aggregate.guard_confirmations": `
    How many sources confirm such a value: each traded min_usd_volume or more in the bucket, at a price within guard_factor
    of it.
  `,

  "aggregate.guard_hold_seconds": `
    How long /v1/price answers the last value that was publishable, as "held", for one that the guard withholds.
  `,

  "aggregate.peg_tolerance_pct": `
    With enable_stablecoin_fiat_proxy, an asset whose own market against its currency is more than this many per cent from 1
    in the bucket does not count for it there, where that market is worth min_usd_volume; 0 is off.
  `,

  "aggregate.twap_carry_seconds": `
    In a TWAP the last price from before the bucket stands at its start, if it is at most this old.
  `,

  "aggregate.precompute_twap": `
    true has each tick write the TWAP of every target as well, under twap:<base>:<quote>:<window>. It reads the raw trades of
    the windows and costs more.
  `,

  "aggregate.triangulation_enabled": `
    true gives a pair without a publishable price of its own one through other markets: XLM/EUR through XLM/USD and
    EUR/USD.
  `,

  "aggregate.route_deviation_pct": `
    Where there are three such ways or more, one whose price is more than this many per cent from their median is not taken;
    0 takes any.
  `,

  "aggregate.max_hops": `
    The most markets that such a way may lead through, 2 to 4, where no chain is configured for the pair
    ([[aggregate.triangulations]]).
  `,

  "aggregate.max_trades_per_window": `
    Raw trades that the refresh of one target may read into the process. The database does the work: only outliers, a
    hundred at most, are read, to be named in the debug log. Never another answer.
  `,

  "aggregate.concurrency": `
    Targets (a pair and a window) that are in flight at once: what they ask of the database is asked together, so that a
    tick takes few round trips. Fewer of them make more and shorter statements.
  `,

  "aggregate.replicas": `
    "single": this aggregator computes every target. "shared": any number of aggregators with the same database and Redis
    share the targets among them, and take over from one that ends.
  `,

  "aggregate.ops_listen": "Where the aggregator's health checks and metrics listen. Keep this address private.",

  "aggregate.stellar_network": `
    Whose contracts stand for classic assets: "public", "testnet", or a passphrase. The contract (SAC) of a classic asset is
    computed, and its trades are trades of the asset. A pair may be written by either; by the classic asset costs less where
    there are many pairs.
  `,

  "aggregate.aliases": `
    Other names of an asset: the trades of one are trades of the other. Symmetric and transitive. What is declared here
    comes on top of the default, which an empty list takes away: native = [].
  `,

  "aggregate.pegs": `
    Assets that stand for a currency, 1:1. Built in: USDT, USDC, DAI, PYUSD, USDP (USD), EURC, EUROC, EUROB (EUR) and
    MXNe (MXN), as crypto: tickers, and Circle's USDC and EURC on Stellar's public network. Others have to be declared:
  `,

  "aggregate.triangulations": `
    Chains: the markets through which a pair gets its price where it has no publishable one of its own. Its target is
    published even if aggregate.pairs does not list it. One [[aggregate.triangulations]] each, at most one for a market:
  `,
};
