import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Asset } from "../internal/canonical/asset.ts";
import { type Bucket, MINUTE } from "../internal/canonical/bucket.ts";
import { parseDecimal } from "../internal/canonical/decimal.ts";
import { makePair } from "../internal/canonical/pair.ts";
import { serializePublished } from "../internal/canonical/published.ts";
import { ceilTo, earlierOf, floorTo, laterOf, parseTime } from "../internal/canonical/time.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type Policy, type PolicySettings } from "../internal/policy/policy.ts";
import { pricingOf } from "../internal/policy/pricing.ts";
import type { TradeReader } from "../internal/policy/reader.ts";
import { computeTwap } from "../internal/policy/twap.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/connection/database.testing.ts";
import { RawDataExpired } from "../internal/storage/connection/errors.ts";
import { timestamptz } from "../internal/storage/connection/timestamptz.ts";
import { withReplay } from "../internal/storage/replay/replay.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";
import { type ModelQuery, type ModelResult, modelResult, plain, priceOf } from "./model.ts";
import type { Ratio } from "./model-numbers.ts";
import type { ModelTrade } from "./model-trades.ts";
import { enginesOf, runsOf } from "./thoroughness.ts";

const START = parseTime("2026-03-01T22:00:00Z");
const HOUR = 60n * MINUTE;
const DAY = 24n * HOUR;
const COUNTED = ["binance", "bitstamp", "coinbase", "kraken", "sdex"];
const UNCOUNTED = ["coingecko", "nobody-knows"];
const UNIT = 10n ** 30n;

/** The kind of the quote asset, which decides its value in USD. `coin` is a ticker with its own market in USD. */
type QuoteKind = "USD" | "EUR" | "GBP" | "coin";

/** The market of a trade: the target's, one in another dollar or in a stablecoin that may lose its peg, or theirs in USD. */
type MarketKind = "own" | "tether" | "stable" | "peg" | "coin";

/** Dollars per euro from these times on; there is no rate for pounds. */
const EUROS: readonly { readonly at: bigint; readonly rate: Ratio; readonly base: string; readonly price: string }[] = [
  { at: START - 3n * DAY, rate: [5n, 4n], base: "EUR", price: "1.25" },
  { at: START + HOUR, rate: [1n, 2n], base: "USD", price: "2" },
];

interface CaseTrade {
  readonly ts: bigint;
  readonly source: string;
  readonly base: bigint;
  readonly quote: bigint;
  readonly kind: MarketKind;
}

interface Case {
  readonly quoteKind: QuoteKind;
  readonly trades: readonly CaseTrade[];
  readonly from: bigint;
  readonly to: bigint;
  readonly settings: PolicySettings;
  readonly maxTrades: number;
  /** The rows that retention has removed: those of these tables before a whole hour. */
  readonly cut?: { readonly tables: readonly string[]; readonly before: bigint } | null;
}

const amount = fc.oneof(
  fc.bigInt({ min: 1n, max: 10n ** 31n }),
  fc.bigInt({ min: 1n, max: 10n ** 70n - 1n }),
  fc.integer({ min: 1, max: 20 }).map((units) => BigInt(units) * 10n ** 29n),
  fc.constantFrom(1n, 10n ** 30n, 10n ** 70n - 1n),
);
const base = fc.oneof(amount, fc.constant(10n ** 30n));
const span = fc.constantFrom(40_000_000n, 5n * 60_000_000n, 3n * 3_600_000_000n, 30n * 3_600_000_000n);

/** Mostly `own`, so that the target's market has trades. */
const kind = fc.oneof(
  { weight: 8, arbitrary: fc.constant<MarketKind>("own") },
  { weight: 4, arbitrary: fc.constantFrom<MarketKind[]>("tether", "stable", "peg", "coin") },
);

/** Random markets of some or all sources: volatile ones, calm ones with a few outliers, and ones with level changes. */
const trades = (length: bigint) =>
  fc.subarray(COUNTED, { minLength: 1 }).chain((venues) => {
    const within = (first: bigint, last: bigint) =>
      fc
        .oneof(
          fc.bigInt({ min: first, max: last }),
          fc.bigInt({ min: first / MINUTE, max: last / MINUTE }).map((minute) => minute * MINUTE),
        )
        .map((offset) => START + offset);
    const trade = (price: fc.Arbitrary<bigint> | null, ts = within(0n, length)) =>
      fc.record({
        ts,
        source: fc.constantFrom(...venues, ...venues, ...venues, ...UNCOUNTED),
        base: price === null ? base : fc.constantFrom(UNIT, UNIT, 7n * UNIT, 1000n * UNIT, 10n ** 23n),
        quote: price ?? amount,
        kind,
      });
    const priced = (...prices: readonly bigint[]) => {
      const price = fc.constantFrom(...prices).map((units) => units * 10n ** 28n);
      return {
        // The quote that belongs to the independently drawn base.
        of: (ts = within(0n, length)) =>
          trade(price, ts).map((each) => ({ ...each, quote: (each.quote * each.base) / UNIT || 1n })),
      };
    };
    const calm = priced(100n, 100n, 101n, 102n);
    const earlier = within(-5n * HOUR, 0n);
    return fc.oneof(
      fc.array(trade(null), { maxLength: 30 }),
      fc
        .tuple(
          fc.array(calm.of(), { maxLength: 60 }),
          fc.array(priced(1n, 500n, 10_000n).of(), { maxLength: 3 }),
          fc.array(calm.of(earlier), { maxLength: 12 }),
        )
        .map((parts) => parts.flat()),
      // A level three times as high or low as the previous one.
      fc
        .tuple(
          fc.array(priced(300n, 301n).of(), { maxLength: 20 }),
          fc.array(priced(100n, 101n, 103n).of(earlier), { maxLength: 12 }),
          fc.array(priced(33n, 100n, 900n).of(), { maxLength: 4 }),
        )
        .map((parts) => parts.flat()),
    );
  });

/** Returns n trades with equal prices but one, for which |p − μ| = √(n−1)·σ. */
function edge(n: number): Case["trades"] {
  return Array.from({ length: n }, (_, index) => ({
    ts: START + BigInt(index),
    source: "kraken",
    base: 10n ** 30n,
    quote: index === 0 ? 3n * 10n ** 30n : 10n ** 30n,
    kind: "own",
  }));
}

const anyCase: fc.Arbitrary<Case> = span
  .chain((length) =>
    fc.record({
      quoteKind: fc.constantFrom<QuoteKind[]>("USD", "USD", "USD", "EUR", "GBP", "coin"),
      trades: trades(length),
      from: fc.bigInt({ min: -length / 4n, max: length }).map((offset) => START + offset),
      width: fc.oneof(fc.constant(length * 2n), fc.bigInt({ min: 1n, max: length }), fc.constant(60_000_000n)),
      wholeWindow: fc.boolean(),
      sigma: fc.constantFrom(0, 0.5, 1, 1.5, 2, 3, 4),
      outlier_method: fc.constantFrom("sigma" as const, "mad" as const),
      venue_deviation_pct: fc.constantFrom(0, 0.5, 5, 10, 40),
      outlier_max_dropped_share: fc.constantFrom(0, 0.05, 0.5, 0.5, 1),
      min_sources: fc.constantFrom(1, 1, 1, 2, 3),
      guard_factor: fc.constantFrom(0, 1.5, 2, 2, 3),
      guard_confirmations: fc.integer({ min: 1, max: 3 }),
      peg_tolerance_pct: fc.constantFrom(0, 2, 2, 50),
      twap_carry_seconds: fc.constantFrom(0, 60, 3600),
      max_source_share: fc.constantFrom(0, 0, 0.2, 0.25, 0.4, 0.5, 0.9, 1),
      weights: fc.dictionary(fc.constantFrom(...COUNTED, ...UNCOUNTED), fc.constantFrom(1, 50, 100, 1000)),
      disable_class_filter: fc.boolean(),
      enable_stablecoin_fiat_proxy: fc.boolean(),
      min_usd_volume: fc.constantFrom(0, 0, 1, 5, 1000),
      min_usd_volume_unknown: fc.constantFrom("publish" as const, "refuse" as const),
      maxTrades: fc.constantFrom(0, 1, 10_000),
      cut: fc.oneof(
        { weight: 3, arbitrary: fc.constant(null) },
        {
          weight: 1,
          arbitrary: fc.record({
            tables: fc.constantFrom(["trades"], ["trades_1m"], ["trades", "trades_1m"]),
            before: fc.bigInt({ min: -1n, max: 6n }).map((hours) => START + hours * 3_600_000_000n),
          }),
        },
      ),
    }),
  )
  .map(({ quoteKind, trades, from, width, wholeWindow, sigma, maxTrades, cut, weights, ...policy }) => ({
    quoteKind,
    trades,
    cut,
    from: wholeWindow ? START : from,
    to: (wholeWindow ? START : from) + width,
    settings: {
      ...DEFAULT_POLICY_SETTINGS,
      ...policy,
      outlier_sigma_threshold: sigma,
      // Triangulation has separate tests.
      triangulation_enabled: false,
      // A source that is not in VWAP, or unknown, must stay so.
      sources: Object.entries(weights)
        .filter(([name]) => name !== "nobody-knows")
        .map(([name, weight]) => ({ name, weight })),
    },
    maxTrades,
  }));

const EXPIRED = "expired";

/** Of one bucket. */
interface Answer {
  readonly value: string;
  readonly twap: string | null;
}

function expired(error: unknown): string {
  if (error instanceof RawDataExpired) return EXPIRED;
  throw error;
}

/** The bucket of a case, and buckets of whole minutes around it. */
function bucketsAbout({ from, to }: Case): Bucket[] {
  const whole = { from: floorTo(from, MINUTE), to: ceilTo(to, MINUTE) };
  const shifted = [1n, 7n, 61n].map((minutes) => ({
    from: whole.from + minutes * MINUTE,
    to: whole.to + minutes * MINUTE,
  }));
  return [{ from, to }, whole, ...shifted];
}

function spanOf(buckets: readonly Bucket[]): Bucket {
  return buckets.reduce((all, { from, to }) => ({ from: earlierOf(all.from, from), to: laterOf(all.to, to) }));
}

/** Makes the search for outliers behave as in windows of very many trades. */
function asBigWindows(reader: TradeReader): TradeReader {
  return {
    ...reader,
    outliers: (pairs, bucket, question, limit) =>
      reader.outliers(pairs, bucket, { ...question, tradeCount: 1_000_000 }, limit),
  };
}

describe.each(enginesOf(testEngines))("rollups and rows agree digit for digit on $name", (engine) => {
  let database: TestDatabase;
  let market = 0;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    await writeTrades(
      database,
      EUROS.map(({ at, base: of, price }) => ({
        ...makePair(`fiat:${of}`, of === "EUR" ? "fiat:USD" : "fiat:EUR"),
        ts: at,
        source: "ecb",
        tradeId: "1",
        baseAmount: parseDecimal("1"),
        quoteAmount: parseDecimal(price),
      })),
    );
  });
  afterAll(() => database.drop());

  /** The assets of a case; other cases use different ones. */
  function assetsOf(quoteKind: QuoteKind) {
    const [own, stable, coin] = ["M", "S", "C"].map((letter) => `crypto:${letter}${market}`) as [
      string,
      string,
      string,
    ];
    const quote = quoteKind === "coin" ? coin : `fiat:${quoteKind}`;
    // The peg of the stablecoin: the quote if that is a currency.
    const peg = quoteKind === "coin" ? "fiat:USD" : quote;
    const markets: Readonly<Record<MarketKind, { readonly base: string; readonly quote: string }>> = {
      own: { base: own, quote },
      tether: { base: own, quote: "crypto:USDT" },
      stable: { base: own, quote: stable },
      peg: { base: stable, quote: peg },
      coin: { base: coin, quote: "fiat:USD" },
    };
    return { bases: [own, stable, coin], stable, peg, markets };
  }

  /** Returns the program's results for the case's bucket, its whole minutes and their neighbours, by every method. */
  async function answersFor(anyOne: Case): Promise<{ way: string; answer: Answer; expected: Answer }[]> {
    const { trades, maxTrades, quoteKind } = anyOne;
    market++;
    const { bases, stable, peg, markets } = assetsOf(quoteKind);
    const pegs = new Map([[stable as Asset, peg as Asset]]);
    const rows = trades.map(({ kind: of, ...trade }, index) => ({ ...trade, id: String(index), market: markets[of] }));
    await writeTrades(
      database,
      rows.map((row) => ({
        ...makePair(row.market.base, row.market.quote),
        ts: row.ts,
        source: row.source,
        tradeId: row.id,
        baseAmount: parseDecimal(plain(row.base, 30n)),
        quoteAmount: parseDecimal(plain(row.quote, 30n)),
      })),
    );
    await cutBack(bases, anyOne.cut ?? null);
    const settings = { ...anyOne.settings, pegs };
    const policy = makePolicy(settings);
    const pair = makePair(markets.own.base, markets.own.quote);
    const buckets = bucketsAbout(anyOne);
    const computeAll = async (reader: TradeReader): Promise<Answer[]> => {
      const answer = async (bucket: Bucket): Promise<Answer> => {
        const own = await pricingOf(reader, policy, [pair], { maxTrades }).own(pair, bucket);
        const value = own.value === null ? String(own.refusal) : serializePublished(own.value);
        return { value, twap: await computeTwap(reader, policy, pair, bucket, own).catch(expired) };
      };
      return Promise.all(
        buckets.map((bucket) => answer(bucket).catch((error) => ({ value: expired(error), twap: expired(error) }))),
      );
    };
    const pairs = Object.values(markets).map((each) => makePair(each.base, each.quote));
    const ways = {
      together: await withSnapshot(database, computeAll),
      "as big windows": await withSnapshot(database, (reader) => computeAll(asBigWindows(reader))),
      replayed: await withReplay(database, { pairs, span: spanOf(buckets) }, computeAll),
    };
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
    const expected = buckets.map((bucket) => {
      const { value, twap } = expectedOf(rows, bucket, anyOne, policy);
      return { value, twap };
    });
    return Object.entries(ways).flatMap(([way, answers]) =>
      answers.map((answer, index) => ({ way, answer, expected: expected[index] as Answer })),
    );
  }

  /** Removes rows like retention. */
  async function cutBack(bases: readonly string[], cut: NonNullable<Case["cut"]> | null): Promise<void> {
    if (cut === null) return;
    const before = timestamptz(cut.before);
    await database.sql.begin(async (sql) => {
      await sql`SET LOCAL stellarindex.maintenance = 'on'`;
      for (const table of cut.tables) {
        await sql`
          UPDATE retention_horizons SET complete_from = ${before}::timestamptz WHERE table_name = ${table}`;
        const time = sql(table === "trades" ? "ts" : "bucket");
        await sql`DELETE FROM ${sql(table)} 
          WHERE base_asset = ANY(${bases as string[]}::text[]) AND ${time} < ${before}::timestamptz`;
      }
    });
  }

  function expectedOf(
    rows: readonly ModelTrade[],
    { from, to }: Bucket,
    { quoteKind, settings }: Case,
    policy: Policy,
  ): ModelResult {
    const { markets, peg } = assetsOf(quoteKind);
    const name = (of: MarketKind) => `${markets[of].base}/${markets[of].quote}`;
    const part = (value: number): Ratio => [BigInt(Math.round(value * 20)), 20n];
    const rules = {
      from,
      to,
      counted: settings.disable_class_filter ? null : new Set(COUNTED),
      method: settings.outlier_method,
      k: part(settings.outlier_sigma_threshold),
      maxDropped: part(settings.outlier_max_dropped_share),
      venueDeviation: part(settings.venue_deviation_pct),
      maxShare: part(settings.max_source_share),
      weights: new Map(settings.sources.map(({ name, weight = 100 }) => [name, BigInt(weight)])),
      minSources: settings.min_sources,
      minUsd: BigInt(settings.min_usd_volume),
      refuseUnknown: settings.min_usd_volume_unknown === "refuse",
      guardFactor: part(settings.guard_factor),
      confirmations: settings.guard_confirmations,
      pegTolerance: part(settings.peg_tolerance_pct),
      carry: BigInt(settings.twap_carry_seconds) * 1_000_000n,
      policy: policy.id,
    };
    const ask = (question: Pick<ModelQuery, "pair" | "markets" | "usdRate" | "currencyRate" | "pegged">) =>
      modelResult(rows, { ...rules, ...question });
    const usdRate = {
      USD: (): Ratio => [1n, 1n],
      EUR: (): Ratio | null => EUROS.findLast(({ at }) => to - 7n * DAY <= at && at <= to)?.rate ?? null,
      GBP: (): null => null,
      coin: (): Ratio | null =>
        ask({ pair: "", markets: [name("coin")], usdRate: [1n, 1n], currencyRate: [1n, 1n] }).price,
    }[quoteKind]();
    const withProxy = settings.enable_stablecoin_fiat_proxy && quoteKind !== "coin";
    return ask({
      pair: name("own"),
      markets: withProxy && peg === "fiat:USD" ? [name("own"), name("tether")] : [name("own")],
      pegged: withProxy ? [{ own: name("peg"), markets: [name("stable")] }] : [],
      usdRate,
      currencyRate: quoteKind === "coin" ? null : usdRate,
    });
  }

  /** Whether all trades that a case needs still exist. */
  const isWhole = ({ cut }: Case) => cut == null;

  async function expectAgreement(anyOne: Case): Promise<Answer | undefined> {
    const found = await answersFor(anyOne);
    for (const { way, answer, expected } of found) {
      // A query that needs removed rows is refused, never answered from the remaining ones.
      const known = (key: keyof Answer) => isWhole(anyOne) || answer[key] !== EXPIRED;
      if (known("value")) expect([way, answer.value]).toEqual([way, expected.value]);
      if (known("twap")) expect([way, answer.twap]).toEqual([way, expected.twap]);
    }
    return found[0]?.answer;
  }

  it("for random trades, windows and policies", async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, async (anyOne) => {
        await expectAgreement(anyOne);
      }),
      { numRuns: runsOf(150) },
    );
  });

  it.each([2, 3, 4])("at the limit of %i standard deviations", async (k) => {
    for (const more of [-1, 0, 1]) {
      for (const maxTrades of [0, 10_000]) {
        const answer = await expectAgreement({
          quoteKind: "USD",
          trades: edge(k * k + 1 + more),
          from: START,
          to: START + 300_000_000n,
          settings: { ...DEFAULT_POLICY_SETTINGS, outlier_sigma_threshold: k, min_usd_volume: 0 },
          maxTrades,
        });
        // With n − 1 = k² the single price is exactly at k·σ, and only prices beyond are dropped.
        expect(answer?.value).toContain(`"outlier":${more > 0 ? 1 : 0}`);
      }
    }
  });

  it("for the stored price, the exact ratio truncated to 30 decimals in any notation of the amounts", async () => {
    await fc.assert(
      fc.asyncProperty(amount, amount, async (baseUnits, quoteUnits) => {
        const [row] = await database.sql<{ price: string; padded: string }[]>`
          SELECT trim_scale(div(quote * 1e30, base) * 1e-30)::text AS price,
            trim_scale(div(round(quote, 30) * 1e30, round(base, 30)) * 1e-30)::text AS padded
          FROM (VALUES (${plain(baseUnits, 30n)}::text::numeric, ${plain(quoteUnits, 30n)}::text::numeric)) AS t (base, quote)`;
        const exact = plain(priceOf({ base: baseUnits, quote: quoteUnits }), 30n);
        expect(row).toEqual({ price: exact, padded: exact });
      }),
      { numRuns: 50 },
    );
  });
});
