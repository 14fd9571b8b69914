import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { computeValue } from "../internal/aggregate/compute.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type Policy, type PolicySettings } from "../internal/aggregate/policy.ts";
import type { TradeReader } from "../internal/aggregate/reader.ts";
import type { Asset } from "../internal/canonical/asset.ts";
import { type Bucket, MINUTE } from "../internal/canonical/bucket.ts";
import { parseDecimal } from "../internal/canonical/decimal.ts";
import { makePair } from "../internal/canonical/pair.ts";
import { serializePublished } from "../internal/canonical/published.ts";
import { ceilTo, earlierOf, floorTo, laterOf, parseTime } from "../internal/canonical/time.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/database.testing.ts";
import { RawDataExpired } from "../internal/storage/errors.ts";
import { moment } from "../internal/storage/moment.ts";
import { withReplay } from "../internal/storage/replay/replay.ts";
import { withSnapshot } from "../internal/storage/snapshot.ts";
import { writeTrades } from "../internal/storage/trades.ts";
import { type OracleTrade, oracleValue, plain, priceOf } from "./oracle.ts";

const START = parseTime("2026-03-01T22:00:00Z");
const COUNTED = ["binance", "bitstamp", "coinbase", "kraken", "sdex"];
const UNCOUNTED = ["coingecko", "nobody-knows"];
const DOLLARS = ["fiat:USD", "crypto:USDT", "crypto:USDC"];

interface Case {
  readonly trades: readonly (OracleTrade & { readonly quoteAsset: string })[];
  readonly from: bigint;
  readonly to: bigint;
  readonly settings: PolicySettings;
  readonly maxTrades: number;
  /** What retention has removed: rows of these tables from before a moment of a whole hour. */
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

/** Random markets, from wild ones to calm ones with a few prints far off. */
const trades = (length: bigint) => {
  const trade = (price: fc.Arbitrary<bigint> | null) =>
    fc.record({
      ts: fc
        .oneof(
          fc.bigInt({ min: 0n, max: length }),
          fc.bigInt({ min: 0n, max: length / 60_000_000n }).map((minute) => minute * 60_000_000n),
        )
        .map((offset) => START + offset),
      source: fc.constantFrom(...COUNTED, ...COUNTED, ...UNCOUNTED),
      base: price === null ? base : fc.constant(10n ** 30n),
      quote: price ?? amount,
      quoteAsset: fc.constantFrom(...DOLLARS),
    });
  const calm = fc.constantFrom(100n, 101n, 102n).map((units) => units * 10n ** 28n);
  const far = fc.constantFrom(1n, 500n, 10_000n).map((units) => units * 10n ** 28n);
  return fc.oneof(
    fc.array(trade(null), { maxLength: 30 }),
    fc
      .tuple(fc.array(trade(calm), { maxLength: 60 }), fc.array(trade(far), { maxLength: 3 }))
      .map((parts) => parts.flat()),
  );
};

/** n trades with all prices equal but one: |p − μ| = √(n−1)·σ for that one. */
function edge(n: number): Case["trades"] {
  return Array.from({ length: n }, (_, index) => ({
    ts: START + BigInt(index),
    source: "kraken",
    base: 10n ** 30n,
    quote: index === 0 ? 3n * 10n ** 30n : 10n ** 30n,
    quoteAsset: "fiat:USD",
  }));
}

const anyCase: fc.Arbitrary<Case> = span
  .chain((length) =>
    fc.record({
      trades: trades(length),
      from: fc.bigInt({ min: -length / 4n, max: length }).map((offset) => START + offset),
      width: fc.oneof(fc.constant(length * 2n), fc.bigInt({ min: 1n, max: length }), fc.constant(60_000_000n)),
      wholeWindow: fc.boolean(),
      sigma: fc.constantFrom(0, 0.5, 1, 1.5, 2, 3, 4),
      outlier_method: fc.constantFrom("sigma" as const, "mad" as const),
      venue_deviation_pct: fc.constantFrom(0, 0, 0.5, 5, 40),
      max_source_share: fc.constantFrom(0, 0, 0.2, 0.25, 0.4, 0.5, 0.9, 1),
      weights: fc.dictionary(fc.constantFrom(...COUNTED, ...UNCOUNTED), fc.constantFrom(1, 50, 100, 1000)),
      disable_class_filter: fc.boolean(),
      enable_stablecoin_fiat_proxy: fc.boolean(),
      min_usd_volume: fc.constantFrom(0, 0, 1, 1000),
      maxTrades: fc.constantFrom(0, 1, 10_000),
      cut: fc.option(
        fc.record({
          tables: fc.constantFrom(["trades"], ["trades_1m"], ["trades", "trades_1m"]),
          before: fc.bigInt({ min: -1n, max: 6n }).map((hours) => START + hours * 3_600_000_000n),
        }),
        { freq: 2 },
      ),
    }),
  )
  .map(({ trades, from, width, wholeWindow, sigma, maxTrades, cut, weights, ...policy }) => ({
    trades,
    cut,
    from: wholeWindow ? START : from,
    to: (wholeWindow ? START : from) + width,
    settings: {
      ...DEFAULT_POLICY_SETTINGS,
      ...policy,
      outlier_sigma_threshold: sigma,
      // A source must stay out of VWAP, or unknown, where it was.
      sources: Object.entries(weights)
        .filter(([name]) => name !== "nobody-knows")
        .map(([name, weight]) => ({ name, weight })),
    },
    maxTrades,
  }));

const EXPIRED = "expired";

function expired(error: unknown): string {
  if (error instanceof RawDataExpired) return EXPIRED;
  throw error;
}

/** The bucket of a case, and buckets of whole minutes about it. */
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

/** Looks for outliers as in windows of very many trades. */
function asBigWindows(reader: TradeReader): TradeReader {
  return {
    ...reader,
    outliers: (pairs, bucket, question, limit) =>
      reader.outliers(pairs, bucket, { ...question, tradeCount: 1_000_000 }, limit),
  };
}

describe.each(testEngines)("rollups and rows agree digit for digit on $name", (engine) => {
  let database: TestDatabase;
  let market = 0;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  /** What the program says of the case's bucket, its whole minutes and their neighbours, in each of its ways. */
  async function answersFor(anyOne: Case): Promise<{ way: string; answer: string | null; expected: string }[]> {
    const { trades, settings, maxTrades } = anyOne;
    market++;
    const pair = makePair(`crypto:M${market}`, "fiat:USD");
    await writeTrades(
      database,
      trades.map((trade, index) => ({
        base: pair.base,
        quote: trade.quoteAsset as Asset,
        ts: trade.ts,
        source: trade.source,
        tradeId: String(index),
        baseAmount: parseDecimal(plain(trade.base, 30n)),
        quoteAmount: parseDecimal(plain(trade.quote, 30n)),
      })),
    );
    await cutBack(pair.base, anyOne.cut ?? null);
    const policy = makePolicy(settings);
    const buckets = bucketsAbout(anyOne);
    const computeAll = async (reader: TradeReader): Promise<(string | null)[]> => {
      const answer = async (bucket: Bucket): Promise<string | null> => {
        const { value, refusal } = await computeValue(reader, policy, pair, bucket, { maxTrades });
        return value === null ? refusal : serializePublished(value);
      };
      return Promise.all(buckets.map((bucket) => answer(bucket).catch(expired)));
    };
    const pairs = DOLLARS.map((quote) => ({ base: pair.base, quote: quote as Asset }));
    const ways = {
      together: await withSnapshot(database, computeAll),
      "as big windows": await withSnapshot(database, (reader) => computeAll(asBigWindows(reader))),
      replayed: await withReplay(database, { pairs, span: spanOf(buckets) }, computeAll),
    };
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
    const expected = buckets.map((bucket) => expectedOf({ ...anyOne, ...bucket }, policy));
    return Object.entries(ways).flatMap(([way, answers]) =>
      answers.map((answer, index) => ({ way, answer, expected: expected[index] ?? "" })),
    );
  }

  /** Removes rows as retention does. */
  async function cutBack(base: string, cut: NonNullable<Case["cut"]> | null): Promise<void> {
    if (cut === null) return;
    const before = moment(cut.before);
    await database.sql.begin(async (sql) => {
      await sql`SET LOCAL stellarindex.maintenance = 'on'`;
      for (const table of cut.tables) {
        await sql`
          UPDATE retention_horizons SET complete_from = ${before}::timestamptz WHERE table_name = ${table}`;
        const time = sql(table === "trades" ? "ts" : "bucket");
        await sql`DELETE FROM ${sql(table)} WHERE base_asset = ${base} AND ${time} < ${before}::timestamptz`;
      }
    });
  }

  function expectedOf({ trades, from, to, settings }: Case, policy: Policy): string {
    const expanded = trades.filter(
      ({ quoteAsset }) => settings.enable_stablecoin_fiat_proxy || quoteAsset === "fiat:USD",
    );
    return oracleValue(expanded, {
      pair: `crypto:M${market}/fiat:USD`,
      from,
      to,
      counted: settings.disable_class_filter ? null : new Set(COUNTED),
      method: settings.outlier_method,
      k: [BigInt(settings.outlier_sigma_threshold * 2), 2n],
      venueDeviation: [BigInt(settings.venue_deviation_pct * 2), 2n],
      maxShare: [BigInt(settings.max_source_share * 20), 20n],
      weights: new Map(settings.sources.map(({ name, weight = 100 }) => [name, BigInt(weight)])),
      usdRate: [1n, 1n],
      minUsd: BigInt(settings.min_usd_volume),
      refuseUnknown: false,
      policy: policy.id,
    });
  }

  async function expectAgreement(anyOne: Case): Promise<string | null> {
    const found = await answersFor(anyOne);
    for (const { way, answer, expected } of found) {
      // What can no longer be known is refused, never answered from what is left.
      if (anyOne.cut == null || answer !== EXPIRED) expect([way, answer]).toEqual([way, expected]);
    }
    return found[0]?.answer ?? null;
  }

  it("over random trades, windows and policies", async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, async (anyOne) => {
        await expectAgreement(anyOne);
      }),
      { numRuns: Number(process.env["STELLARINDEX_TEST_RUNS"] ?? 150) },
    );
  });

  it.each([2, 3, 4])("on the edge of %i standard deviations", async (k) => {
    for (const more of [-1, 0, 1]) {
      for (const maxTrades of [0, 10_000]) {
        const answer = await expectAgreement({
          trades: edge(k * k + 1 + more),
          from: START,
          to: START + 300_000_000n,
          settings: { ...DEFAULT_POLICY_SETTINGS, outlier_sigma_threshold: k, min_usd_volume: 0 },
          maxTrades,
        });
        // n − 1 = k² puts the lone price exactly at k·σ, and only what lies beyond goes.
        expect(answer).toContain(`"outlier":${more > 0 ? 1 : 0}`);
      }
    }
  });

  it("stores the price as the exact ratio cut at 30 decimals, however the amounts are written", async () => {
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
