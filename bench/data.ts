import type { Pair } from "../internal/canonical/pair.ts";
import { parsePair } from "../internal/canonical/pair.ts";
import { stopwatch } from "../internal/obs/clock.ts";
import type { Database } from "../internal/storage/database.ts";
import { benchPairs, fillPair, fillPairs, fillRate } from "./trades.ts";

/** How many trades of 24 hours these pairs have, of 5 000 000 in all, and which part of them are outliers. */
const SINGLE = [
  { ticker: "A", share: 1 / 5000, outlierEvery: 100 },
  { ticker: "B", share: 1 / 500, outlierEvery: 1000 },
  { ticker: "C", share: 1 / 50, outlierEvery: 10_000 },
  { ticker: "FEW", share: 1 / 5, outlierEvery: 10_000 },
  { ticker: "MANY", share: 1 / 5, outlierEvery: 100 },
];
const OTHERS = 95;

/** Pairs of a thousand, ten thousand, a hundred thousand and a million trades; the last one has a hundred outliers. */
export const GRADED_PAIRS = ["A", "B", "C", "FEW"].map((ticker) => parsePair(`${ticker}/USD`));
/** A million trades, one per cent of them outliers in every minute. */
export const NOISY_PAIR = parsePair("MANY/USD");
export const HUNDRED_PAIRS: readonly Pair[] = [...GRADED_PAIRS, NOISY_PAIR, ...benchPairs(OTHERS)];

/** Writes so many trades of 24 hours into the hundred pairs. */
export async function fillHundredPairs(database: Database, trades: number): Promise<void> {
  const started = stopwatch();
  for (const { ticker, share, outlierEvery } of SINGLE) {
    await fillPair(database, ticker, Math.round(trades * share), outlierEvery);
  }
  const rest = SINGLE.reduce((left, { share }) => left - Math.round(trades * share), trades);
  await fillPairs(database, "T", OTHERS, rest);
  await fillRate(database);
  await settle(database);
  console.log(`${trades} trades in 24 h, 100 pairs, 5 sources, written in ${(stopwatch() - started).toFixed(0)} s`);
}

/** Brings statistics up to date and what was written to disk, so that neither happens while something is measured. */
export async function settle({ sql }: Database): Promise<void> {
  await sql`VACUUM ANALYZE`;
  await sql`CHECKPOINT`;
}
