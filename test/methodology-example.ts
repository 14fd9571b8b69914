import canonicalize from "canonicalize";
import { type Bucket, bucketEndingAt } from "../internal/canonical/bucket.ts";
import { type Decimal, formatDecimal, parseDecimal, roundPublished, sum } from "../internal/canonical/decimal.ts";
import { type Fraction, medianOf, ONE, roundFraction } from "../internal/canonical/fraction.ts";
import { parsePair } from "../internal/canonical/pair.ts";
import { serializePublished } from "../internal/canonical/published.ts";
import { formatTime, parseTime } from "../internal/canonical/time.ts";
import { type Computation, shownPrices } from "../internal/policy/compute.ts";
import { serializeConfidence } from "../internal/policy/confidence.ts";
import { hasVote, minVotingVolume } from "../internal/policy/floor.ts";
import { outlierBand, priceStatistics, sigmaRule, squaredReach } from "../internal/policy/outliers/outliers.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type PolicySettings, policyDocument } from "../internal/policy/policy.ts";
import { pricingOf } from "../internal/policy/pricing.ts";
import { publishedBy } from "../internal/policy/published-value.ts";
import type { PriceSelection, PriceStatistics, SourceTotals, TradeReader } from "../internal/policy/reader.ts";
import { exactVolumes } from "../internal/policy/recent-price.ts";
import { computeTwap } from "../internal/policy/twap.ts";
import { confidenceOfPublished } from "../internal/policy/value-confidence.ts";
import { nearMedian } from "../internal/policy/venues.ts";
import { vwapOf } from "../internal/policy/vwap-of.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { lastSelectedTrade, selectedTrades } from "../internal/storage/trades/selected-trades.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";

export const PAIR = parsePair("XLM/USD");
export const POLICY = makePolicy(DEFAULT_POLICY_SETTINGS);
const FIVE_MINUTES = 300;

/** A second policy, so that the page shows a document with more than the registry. */
const OTHER_SETTINGS: PolicySettings = {
  ...DEFAULT_POLICY_SETTINGS,
  min_usd_volume: 2500,
  outlier_sigma_threshold: 3.5,
  enable_stablecoin_fiat_proxy: true,
  sources: [{ name: "gemini" }],
};

/** Returns the VWAP line and the TWAP line of a bucket, or why there is none. */
export async function linesOf(reader: TradeReader, policy: typeof POLICY, bucket: Bucket): Promise<string[]> {
  const pricing = pricingOf(reader, policy, [PAIR], { maxTrades: 1000 });
  const { value, own } = await publishedBy(pricing, PAIR, bucket);
  if (value === null) return [own.refusal ?? ""];
  const twap = await computeTwap(reader, policy, PAIR, bucket, own);
  return [serializePublished(value), ...(twap === null ? [] : [twap])];
}

/** Returns every figure of the page by the name of its block, as the program computes it for the example's trades. */
export async function exampleBlocks(database: Database): Promise<Map<string, string>> {
  const { own, bucket, blocks } = await withSnapshot(database, async (reader) => {
    const pricing = pricingOf(reader, POLICY, [PAIR], { maxTrades: 1000 });
    const bucket = bucketOf("12:10:00");
    const own = await pricing.own(PAIR, bucket);
    const totals = (await reader.totals(own.pairs, bucket)).filter(({ source }) => source !== "coingecko");
    const published = await publishedBy(pricing, PAIR, bucket);
    const confidence = await confidenceOfPublished(POLICY, pricing, PAIR, bucket, published);
    const [vwap = "", twap = ""] = await linesOf(reader, POLICY, bucket);
    const blocks: [string, string][] = [
      ["policies", [POLICY, makePolicy(OTHER_SETTINGS)].map(policyLines).join("\n")],
      ["venues", venueTable(totals)],
      [
        "outliers",
        outlierFigures(priceStatistics(totals.filter(({ source }) => source !== "binance")), ["0.135", "0.1008"]),
      ],
      ["kept", keptFigures(own)],
      ["recent", await recentFigures(reader, own, bucket)],
      ["vwap", vwap],
      ["twap-steps", ""],
      ["twap", twap],
      ["confidence", confidence === null ? "" : serializeConfidence(confidence)],
      ["flood", await floodFigures(reader)],
      ["flood-vwap", (await linesOf(reader, POLICY, bucketOf("12:25:00")))[0] ?? ""],
      ["jump", (await jumpFigures(reader, "12:45:00")) + (await jumpFigures(reader, "12:50:00"))],
    ];
    return { own, bucket, blocks };
  });
  // The embedded engine has one session: queries outside of the reader run after the snapshot.
  return new Map(blocks).set("twap-steps", await twapSteps(database, own, bucket));
}

function bucketOf(end: string): Bucket {
  return bucketEndingAt(parseTime(`2026-03-02T${end}Z`), FIVE_MINUTES);
}

function policyLines(policy: typeof POLICY): string {
  return `${canonicalize(policyDocument(policy))}\n${policy.id}`;
}

function venueTable(totals: readonly SourceTotals[]): string {
  const prices = new Map(totals.map((venue) => [venue.source, vwapOf(venue)]));
  const near = nearMedian(prices, POLICY, votersOf(totals));
  const median = medianOf([...prices.values()]);
  const rows = totals.map((venue) => [
    venue.source,
    String(venue.tradeCount),
    formatDecimal(venue.baseVolume),
    formatDecimal(venue.quoteVolume),
    shown(vwapOf(venue)),
    near.has(venue.source) ? "stays" : "goes",
  ]);
  return `${columns([["source", "trades", "Σ base", "Σ quote", "Σ quote / Σ base", ""], ...rows])}\nmedian  ${shown(median)}`;
}

function outlierFigures(statistics: PriceStatistics, prices: readonly string[]): string {
  const { weight, sum: total, squareSum } = statistics;
  const square = (price: string): Decimal => {
    const distance = parseDecimal(price).times(weight).minus(total);
    return distance.times(distance);
  };
  return columns([
    ["n", formatDecimal(weight)],
    ["Σp", formatDecimal(total)],
    ["Σp²", formatDecimal(squareSum)],
    ["k²·(n·Σp² − (Σp)²)", formatDecimal(squaredReach(statistics, POLICY.outlierSigma))],
    ...prices.map((price) => [`(n·p − Σp)² of ${price}`, formatDecimal(square(price))]),
    ["stays", bandText(outlierBand(sigmaRule(statistics, POLICY.outlierSigma)))],
  ]);
}

function keptFigures({ kept, baseVolume, quoteVolume, price }: Computation): string {
  const rows = kept.map((source) => [
    source.source,
    String(source.tradeCount),
    formatDecimal(source.baseVolume),
    formatDecimal(source.quoteVolume),
  ]);
  const count = kept.reduce((trades, { tradeCount }) => trades + tradeCount, 0);
  const table = columns([
    ["source", "trades", "Σ base", "Σ quote"],
    ...rows,
    ["all", String(count), formatDecimal(baseVolume), formatDecimal(quoteVolume)],
  ]);
  return `${table}\nprice  ${price && shown(price)}`;
}

async function recentFigures(reader: TradeReader, own: Computation, { from }: Bucket) {
  const { pairs, recent } = own;
  const { band } = shownPrices(own, POLICY);
  const sources = ["binance", "bitstamp", "coinbase", "kraken"];
  const { hours } = await reader.recentBlocks(pairs, from, sources, minVotingVolume(ONE, POLICY));
  const rows = hours.map((block) => {
    const venues = block.sources.map((venue) => ({ source: venue.source, ...exactVolumes(venue) }));
    const near = nearMedian(new Map(venues.map((venue) => [venue.source, vwapOf(venue)])), POLICY, votersOf(venues));
    const kept = venues.filter(({ source }) => near.has(source));
    return [formatTime(block.from), kept.map(({ source }) => source).join(", "), shown(vwapOf(...kept))];
  });
  return columns([
    ["hour", "sources", "price"],
    ...rows,
    ["median", "", recent === null ? "" : shown(recent)],
    ["shown", "", bandText(band)],
  ]);
}

/** Returns the summands of the TWAP per trade; their sums are compared with the program's. */
async function twapSteps({ sql }: Database, own: Computation, bucket: Bucket) {
  const { pairs, kept } = own;
  const filter = shownPrices(own, POLICY);
  const selection: PriceSelection = { sources: kept.map(({ source }) => source), filter };
  const hourBefore = { from: bucket.from - 3_600_000_000n, to: bucket.from };
  const carried = await lastSelectedTrade(sql, pairs, hourBefore, selection);
  const trades = await sql<{ ts: string; source: string; price: string }[]>`
    SELECT (extract(epoch FROM trade.ts) * 1000000)::bigint::text AS ts, trade.source, trade.price::text AS price
    FROM ${selectedTrades(sql, pairs, bucket, selection)}
    ORDER BY trade.ts, trade.source, length(trade.trade_id), trade.trade_id`;
  const steps = [
    ...(carried === null ? [] : [{ at: bucket.from, source: `${carried.source}, carried`, price: carried.price }]),
    ...trades.map(({ ts, source, price }) => ({ at: BigInt(ts), source, price: parseDecimal(price) })),
  ].map((step, index, all) => {
    const micros = (all[index + 1]?.at ?? bucket.to) - step.at;
    return { ...step, seconds: parseDecimal(`${micros}e-6`) };
  });
  const rows = steps.map(({ at, source, price, seconds }) => [
    formatTime(at),
    source,
    formatDecimal(price),
    formatDecimal(seconds),
  ]);
  const weighted = sum(steps.map(({ price, seconds }) => price.times(seconds)));
  return `${columns([
    ["from", "source", "price", "stands, s"],
    ...rows,
    ["sum", "", "", formatDecimal(sum(steps.map(({ seconds }) => seconds)))],
  ])}\nΣ price·Δt  ${formatDecimal(weighted)}`;
}

async function floodFigures(reader: TradeReader): Promise<string> {
  const bucket = bucketOf("12:25:00");
  const totals = await reader.totals([PAIR], bucket);
  const sources = totals.map(({ source }) => source);
  const byVolume = await reader.weightedStatistics([PAIR], bucket, sources);
  return [
    "by count",
    outlierFigures(priceStatistics(totals), ["0.1004", "0.1024"]),
    "by quote volume (Q for n, P for Σp, S for Σp²)",
    outlierFigures(byVolume, ["0.1004", "0.1024"]),
  ].join("\n");
}

async function jumpFigures(reader: TradeReader, end: string): Promise<string> {
  const own = await pricingOf(reader, POLICY, [PAIR], { maxTrades: 1000 }).own(PAIR, bucketOf(end));
  const { price, recent, refusal, kept } = own;
  return `${columns([
    ["bucket that ends at", end],
    ["recent price", recent === null ? "" : shown(recent)],
    ["price", price === null ? "" : shown(price)],
    ...kept.map((venue) => [`of ${venue.source}`, `${shown(vwapOf(venue))}, worth ${venue.quoteVolume} USD`]),
    ["outcome", refusal ?? "published"],
    ["shown", bandText(shownPrices(own, POLICY).band)],
  ])}\n`;
}

/** Rounds to 18 significant digits, half-even, as published. */
function shown(value: Fraction): string {
  return formatDecimal(roundFraction(value));
}

function bandText(band: { readonly low: Decimal; readonly high: Decimal } | null): string {
  return band === null
    ? ""
    : `${formatDecimal(roundPublished(band.low))} to ${formatDecimal(roundPublished(band.high))}`;
}

/** Formats rows as aligned columns. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Returns the venues with a vote in the venue rule; quotes are USD here. */
function votersOf(venues: readonly { readonly source: string; readonly quoteVolume: Decimal }[]) {
  const least = minVotingVolume(ONE, POLICY);
  const voters = venues.filter(({ quoteVolume }) => hasVote(quoteVolume, least)).map(({ source }) => source);
  return (venue: string): boolean => voters.includes(venue);
}
