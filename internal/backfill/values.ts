import { setImmediate } from "node:timers/promises";
import { withContracts } from "../aggregate/contracts.ts";
import { expandPair } from "../aggregate/expansion.ts";
import { concurrently } from "../aggregate/orchestrator/concurrently.ts";
import type { Policy } from "../aggregate/policy.ts";
import { type Pricing, pricingOf } from "../aggregate/pricing.ts";
import type { TradeReader } from "../aggregate/reader.ts";
import { type Bucket, bucketEndingAt } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import { type Micros, seconds } from "../canonical/time.ts";
import type { Database } from "../storage/database.ts";
import { RawDataExpired } from "../storage/errors.ts";
import { withReplay } from "../storage/replay/replay.ts";
import { withSnapshot } from "../storage/snapshot.ts";
import type { BackfillPlan } from "./plan.ts";

/** What values are computed with. */
export interface BackfillContext {
  readonly database: Database;
  readonly policy: Policy;
  /** Values in flight at once. */
  readonly concurrency: number;
  /** Raw trades that one value may pull into the process. */
  readonly maxTrades: number;
  /** How long the last trades of a bucket have to land. */
  readonly settleSeconds: number;
}

/** The line of one pair over one bucket: null where nothing is published, the error where retention has removed what it needs. */
export type Outcome = string | RawDataExpired | null;

/** Longer windows are read from the rollups each time: their minutes would be too many to hold. */
const LONGEST_HELD_SECONDS = 2 * 86_400;
/** Minutes of pairs that are held at once. */
const MINUTES_HELD = 30_000;
/** Values in flight, of which more would only take memory. */
const MOST_AT_ONCE = 100;
/** For fewer buckets than this, holding the minutes does not pay. */
const FEWEST_ENDS = 10;

/**
 * What is published at the bucket ends, by end, then pair, then window; not all of it where the signal has stopped it.
 * Each value comes from one snapshot of the trades, those of a pair from the same.
 */
export async function valuesAt(
  context: BackfillContext,
  { pairs, windows }: BackfillPlan,
  ends: readonly Micros[],
  lineOf: (value: PublishedValue) => string,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const { policy, maxTrades, concurrency } = context;
  const outcomes = new Array<Outcome>(ends.length * pairs.length * windows.length).fill(null);
  for (const group of groupsOf(pairs, windows, ends)) {
    if (signal.aborted) break;
    const endsAtOnce = Math.ceil(Math.min(concurrency, MOST_AT_ONCE) / (group.length * windows.length));
    await withReader(context, group, windows, ends, async (reader) => {
      const known = await withContracts(reader, policy, pairs);
      await concurrently(ends.entries(), endsAtOnce, signal, async ([index, end]) => {
        // What several values need is of one bucket end; beyond it, nothing is kept.
        const pricing = pricingOf(reader, known, pairs, { maxTrades });
        const buckets = windows.map((window) => bucketEndingAt(end, window));
        const computing = group.flatMap((pair) =>
          buckets.map(async (bucket, window) => {
            const place = (index * pairs.length + pairs.indexOf(pair)) * windows.length + window;
            outcomes[place] = await outcomeOf(pricing, pair, bucket, lineOf);
          }),
        );
        await Promise.all(computing);
        // Where nothing had to be waited for, signals and timers get their turn here.
        await setImmediate();
      });
    });
  }
  return outcomes;
}

async function outcomeOf(
  { own: ownOf, throughOthers }: Pricing,
  pair: Pair,
  bucket: Bucket,
  lineOf: (value: PublishedValue) => string,
): Promise<Outcome> {
  try {
    const own = await ownOf(pair, bucket);
    if (own.value !== null) return lineOf(own.value);
    const triangulation = await throughOthers(pair, bucket, own);
    return triangulation?.outcome === "ok" ? lineOf(triangulation.value) : null;
  } catch (error) {
    if (error instanceof RawDataExpired) return error;
    throw error;
  }
}

/** Pairs whose minutes are held together. */
function groupsOf(pairs: readonly Pair[], windows: readonly number[], ends: readonly Micros[]): Pair[][] {
  const { from, to } = spanOf(windows, ends);
  const size = Math.max(1, Math.floor(MINUTES_HELD / (Number((to - from) / seconds(60)) + 1)));
  const groups: Pair[][] = [];
  for (let start = 0; start < pairs.length; start += size) groups.push(pairs.slice(start, start + size));
  return groups;
}

/** What holds the buckets of these ends, as far as their windows are held. */
function spanOf(windows: readonly number[], ends: readonly Micros[]): Bucket {
  const longest = Math.max(0, ...windows.filter((window) => window <= LONGEST_HELD_SECONDS));
  const [first = 0n, last = first] = [ends[0], ends.at(-1)];
  return { from: first - seconds(longest), to: last };
}

function withReader(
  { database, policy, settleSeconds }: BackfillContext,
  pairs: readonly Pair[],
  windows: readonly number[],
  ends: readonly Micros[],
  read: (reader: TradeReader) => Promise<void>,
): Promise<void> {
  const ended = { to: ends.at(-1) ?? 0n, settleSeconds };
  if (ends.length < FEWEST_ENDS) return withSnapshot(database, read, ended);
  const traded = pairs.flatMap((pair) => expandPair(pair, policy));
  return withReplay(database, { pairs: traded, span: spanOf(windows, ends) }, read, ended);
}
