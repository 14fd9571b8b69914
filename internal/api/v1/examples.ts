import type { PublishedValue } from "../../canonical/published.ts";
import { NO_FLAGS } from "../answer.ts";
import type { AnswerExample } from "../endpoint.ts";

// Complete answers for the OpenAPI document: one bucket of XLM/USD, whose figures agree with each other.

const PAIR = "crypto:XLM/fiat:USD";
const BUCKET = { window_seconds: 300, from: "2026-08-09T22:25:00Z", to: "2026-08-09T22:30:00Z" };
const PRICE = "0.381250362502991419";
const POLICY = "9f2c1ab04d7e";

const divergence = {
  pair: PAIR,
  price: PRICE,
  to: BUCKET.to,
  checked: true,
  median: "0.3815",
  deviation_pct: "0.065479",
  threshold_pct: "5",
  warning: false,
  references: [
    { reference: "chainlink", price: "0.3814", as_of: "2026-08-09T22:15:11Z" },
    { reference: "coingecko", price: "0.3816", as_of: "2026-08-09T22:29:31Z" },
  ],
};

export const VWAP_EXAMPLE: AnswerExample = {
  data: {
    pair: PAIR,
    ...BUCKET,
    price: PRICE,
    base_volume: "109688.75",
    quote_volume: "41818.8757",
    usd_volume: "41818.8757",
    trade_count: 88,
    sources: [
      {
        source: "binance",
        trade_count: 48,
        base_volume: "61250",
        quote_volume: "23352.8125",
        share: "0.558428",
      },
      {
        source: "coinbase",
        trade_count: 31,
        base_volume: "40318.5",
        quote_volume: "15369.4122",
        share: "0.367523",
      },
      {
        source: "kraken",
        trade_count: 9,
        base_volume: "8120.25",
        quote_volume: "3096.651",
        share: "0.074049",
      },
    ],
    dropped: { class: 4, outlier: 1 },
    policy: POLICY,
  } satisfies PublishedValue,
  flags: NO_FLAGS,
  divergence,
  confidence: {
    confidence: "0.9036",
    factors: {
      venues: { measured: "3", score: "0.8750" },
      concentration: { measured: "0.452398", score: "0.7738" },
      usd_volume: { measured: "41818.88", score: "0.8070" },
      dispersion: { measured: "0.000114", score: "0.9887" },
      age: { measured: "1.250000", score: "0.9979" },
      distance: { measured: "0.001500", score: "0.9978" },
    },
    agreement: { references: { measured: "0.065479", score: "0.9366" }, triangulated: null },
  },
};

export const TWAP_EXAMPLE: AnswerExample = {
  data: { pair: PAIR, ...BUCKET, price: "0.3812644", trade_count: 88, policy: POLICY },
  flags: NO_FLAGS,
};

export const PRICE_EXAMPLE: AnswerExample = {
  data: {
    pair: PAIR,
    price: PRICE,
    price_type: "vwap",
    as_of: BUCKET.to,
    window_seconds: BUCKET.window_seconds,
    policy: POLICY,
  },
  flags: NO_FLAGS,
  divergence,
};

export const CANDLES_EXAMPLE: AnswerExample = {
  data: {
    pair: PAIR,
    interval_seconds: 3600,
    candles: [
      {
        from: "2026-08-09T21:00:00Z",
        to: "2026-08-09T22:00:00Z",
        open: "0.3804",
        high: "0.3819",
        low: "0.3798",
        close: "0.3811",
        base_volume: "1204410.5",
        quote_volume: "458760.2105",
        trade_count: 1012,
        vwap: "0.380900208442221319",
      },
    ],
    next: "2026-08-09T22:00:00Z",
    policy: POLICY,
  },
  flags: NO_FLAGS,
};

export const MARKETS_EXAMPLE: AnswerExample = {
  data: {
    from: "2026-08-08T22:30:00Z",
    to: "2026-08-09T22:30:00Z",
    markets: [
      {
        pair: "crypto:XLM/crypto:USDC",
        last_trade: { ts: "2026-08-09T22:29:58.75Z", price: "0.3813", source: "coinbase" },
        trade_count_24h: 25310,
        base_volume_24h: "30155021.75",
        quote_volume_24h: "11493078.9113",
      },
    ],
    next: null,
  },
  flags: NO_FLAGS,
};

export const COVERAGE_EXAMPLE: AnswerExample = {
  data: {
    pair: "crypto:XLM/fiat:USD",
    from: "2026-08-09T20:30:00Z",
    to: "2026-08-09T22:30:00Z",
    feeds: [
      {
        feed: "kraken:XLM-USD",
        source: "kraken",
        pair: "crypto:XLM/fiat:USD",
        include_in_vwap: true,
        start: "2026-08-01T00:00:00Z",
        complete_to: "2026-08-09T22:29:57.25Z",
        intervals: [{ from: "2026-08-09T20:30:00Z", to: "2026-08-09T22:29:57.25Z" }],
        gaps: [{ from: "2026-08-09T22:29:57.25Z", to: "2026-08-09T22:30:00Z" }],
      },
    ],
  },
  flags: NO_FLAGS,
};
