import type { Pair } from "../internal/canonical/pair.ts";
import { parsePair } from "../internal/canonical/pair.ts";
import { stopwatch } from "../internal/lib/clock.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { benchPairs, fillPair, fillPairs, fillRate } from "./trades.ts";

/** The numbers of trades of these pairs, and the number of trades per outlier. */
const SINGLE = [
  { ticker: "A", share: 1 / 5000, outlierEvery: 100 },
  { ticker: "B", share: 1 / 500, outlierEvery: 1000 },
  { ticker: "C", share: 1 / 50, outlierEvery: 10_000 },
  { ticker: "D", share: 1 / 5, outlierEvery: 10_000 },
];
const OTHERS = 96;

/** Pairs of a thousand, ten thousand, a hundred thousand and a million trades; the last one has a hundred outliers. */
export const GRADED_PAIRS = SINGLE.map(({ ticker }) => parsePair(`${ticker}/USD`));
export const HUNDRED_PAIRS: readonly Pair[] = [...GRADED_PAIRS, ...benchPairs(OTHERS)];
/** A pair with as many trades as the largest of the graded pairs, one per cent of them outliers, in every minute. */
export const NOISY_PAIR = parsePair("NOISY/USD");

/** Writes this number of trades of 24 hours into the hundred pairs. */
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

/** Writes the trades of {@link NOISY_PAIR}, in addition to those of the hundred pairs. */
export async function fillNoisyPair(database: Database, trades: number): Promise<void> {
  await fillPair(database, "NOISY", Math.round(trades / 5), 100);
  await settle(database);
}

/** Updates statistics and flushes writes to disk, so that neither happens during a measurement. */
export async function settle({ sql }: Database): Promise<void> {
  await sql`VACUUM ANALYZE`;
  await sql`CHECKPOINT`;
}
