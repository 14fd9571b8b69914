import fc from "fast-check";
import { plain, priceOf } from "../../../test/model.ts";
import type { Bucket } from "../../canonical/bucket.ts";
import { compareBytes } from "../../canonical/compare.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { isOutlierFilterActive, priceStatistics, sigmaRule } from "../../policy/outliers/outliers.ts";
import type { PriceFilter, TradeReader } from "../../policy/reader.ts";

/** A trade in integers: amounts are multiples of 10⁻³⁰. */
export interface PlainTrade {
  readonly pair: Pair;
  readonly ts: bigint;
  readonly source: string;
  readonly tradeId: string;
  readonly base: bigint;
  readonly quote: bigint;
}

/** A filter in integers: prices are multiples of 10⁻³⁰, k is in tenths. */
export interface PlainFilter {
  readonly rule:
    | { readonly method: "sigma"; readonly tenthsOfK: bigint; readonly byVolume: boolean }
    | { readonly method: "mad"; readonly median: bigint; readonly reach: bigint }
    | null;
  readonly band: { readonly low: bigint; readonly high: bigint } | null;
}

const THOUSAND_STROOPS = 10n ** 26n;
const THOUSAND_SATOSHIS = 10n ** 25n;

/** Compares by the order of trades. */
export function inOrder(one: PlainTrade, other: PlainTrade): number {
  return (
    Number(one.ts - other.ts) ||
    compareBytes(one.source, other.source) ||
    [...one.tradeId].length - [...other.tradeId].length ||
    compareBytes(one.tradeId, other.tradeId) ||
    compareBytes(one.pair.base, other.pair.base) ||
    compareBytes(one.pair.quote, other.pair.quote)
  );
}

/** Returns whether a trade forms a price, by the definition; sdex is the only venue on Stellar that the tests use. */
export function formsPlainPrice({ pair, source, base, quote }: PlainTrade): boolean {
  const isOnLedger = source === "sdex" || ![pair.base, pair.quote].every((asset) => asset.includes(":"));
  return base * quote >= (base + quote) * (isOnLedger ? THOUSAND_STROOPS : THOUSAND_SATOSHIS);
}

/** Returns whether the trade is inside rule and band; mean and spread of the rule are those of the `judged` trades. */
export function isPlainlyInside(
  trade: PlainTrade,
  { rule, band }: PlainFilter,
  judged: readonly PlainTrade[],
): boolean {
  const price = priceOf(trade);
  if (band !== null && (price < band.low || price > band.high)) return false;
  if (rule === null) return true;
  if (rule.method === "mad") return rule.median - rule.reach <= price && price <= rule.median + rule.reach;
  if (judged.length < 3) return true;
  const total = (of: (each: PlainTrade) => bigint) => judged.reduce((all, each) => all + of(each), 0n);
  const weightOf = ({ quote }: PlainTrade) => (rule.byVolume ? quote : 1n);
  const weight = total(weightOf);
  const sum = total((each) => weightOf(each) * priceOf(each));
  const squares = total((each) => weightOf(each) * priceOf(each) ** 2n);
  const distance = 10n * (weight * price - sum);
  return distance * distance <= rule.tenthsOfK * rule.tenthsOfK * (weight * squares - sum * sum);
}

/** Converts a filter to the program's form, with the statistics of the `judged` trades. */
export async function filterOf(
  reader: TradeReader,
  { rule, band }: PlainFilter,
  judged: { readonly pairs: readonly Pair[]; readonly bucket: Bucket; readonly sources: readonly string[] | null },
): Promise<PriceFilter> {
  const decimal = (units: bigint) => parseDecimal(plain(units, 30n));
  const exactBand = band && { low: decimal(band.low), high: decimal(band.high) };
  if (rule === null) return { rule: null, band: exactBand };
  if (rule.method === "mad") {
    return { rule: { method: "mad", median: decimal(rule.median), reach: decimal(rule.reach) }, band: exactBand };
  }
  const totals = await reader.totals(judged.pairs, judged.bucket);
  const ofSources = totals.filter(({ source }) => judged.sources === null || judged.sources.includes(source));
  const k = parseDecimal(plain(rule.tenthsOfK, 1n));
  if (!isOutlierFilterActive(ofSources, k)) return { rule: null, band: exactBand };
  const statistics = rule.byVolume
    ? await reader.weightedStatistics(
        judged.pairs,
        judged.bucket,
        ofSources.map(({ source }) => source),
      )
    : priceStatistics(ofSources);
  return { rule: sigmaRule(statistics, k), band: exactBand };
}

const ONE = 10n ** 30n;
const percent = (count: bigint) => (count * ONE) / 100n;

/** Base amounts near the smallest ones that form a price, on Stellar and elsewhere. */
export const anySize = fc.constantFrom(ONE, 3n * ONE, 10n ** 26n, 2n * 10n ** 26n, 2n * 10n ** 25n, 10n ** 23n);

/** Filters around a price of 1. With these k, prices of so few trades are rarely exactly on the edge of a rule. */
export const anyPlainFilter: fc.Arbitrary<PlainFilter> = fc.record({
  rule: fc.option(
    fc.oneof(
      fc.record({
        method: fc.constant("sigma" as const),
        tenthsOfK: fc.constantFrom(3n, 7n, 13n, 25n, 39n),
        byVolume: fc.boolean(),
      }),
      fc.record({
        method: fc.constant("mad" as const),
        median: fc.constant(ONE),
        reach: fc.bigInt({ min: 0n, max: 5n }).map(percent),
      }),
    ),
    { nil: null },
  ),
  band: fc.option(
    fc
      .tuple(fc.bigInt({ min: 90n, max: 100n }), fc.bigInt({ min: 100n, max: 110n }))
      .map(([low, high]) => ({ low: percent(low), high: percent(high) })),
    { nil: null },
  ),
});
