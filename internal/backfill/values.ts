import { setImmediate } from "node:timers/promises";
import { type Bucket, bucketEndingAt } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import { type Micros, seconds } from "../canonical/time.ts";
import { concurrently } from "../lib/concurrently.ts";
import { resolveContracts } from "../policy/contracts.ts";
import { expandPair } from "../policy/expansion.ts";
import type { Policy } from "../policy/policy.ts";
import { type Pricing, pricingOf } from "../policy/pricing.ts";
import type { TradeReader } from "../policy/reader.ts";
import type { Database } from "../storage/connection/database.ts";
import { RawDataExpired } from "../storage/connection/errors.ts";
import { withReplay } from "../storage/replay/replay.ts";
import { withSnapshot } from "../storage/windows/snapshot.ts";
import type { BackfillPlan } from "./plan.ts";

/** The dependencies of a backfill. */
export interface BackfillContext {
  readonly database: Database;
  readonly policy: Policy;
  /** Maximum number of values computed concurrently. */
  readonly concurrency: number;
  /** Maximum number of raw trades that one value may load into the process. */
  readonly maxTrades: number;
  /** Wait after a bucket's end for decoders to write its last trades. */
  readonly settleSeconds: number;
}

/** The line of a value; null where nothing is published, the error where retention has removed its data. */
export type Outcome = string | RawDataExpired | null;

/** Longer windows are read from the rollups each time, because their minutes would take too much memory. */
const MAX_HELD_WINDOW_SECONDS = 2 * 86_400;
/** Maximum number of minutes, summed over pairs, that are held in memory. */
const MAX_HELD_MINUTES = 30_000;
/** Maximum number of concurrent values; more would only take memory. */
const MAX_IN_FLIGHT = 100;
/** With fewer bucket ends, loading the minutes into memory costs more than it saves. */
const MIN_ENDS_FOR_REPLAY = 10;

/**
 * Returns the outcomes at the bucket ends, ordered by end, then pair, then window; incomplete if the signal aborted.
 * All values of a pair come from one snapshot.
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
    const endsAtOnce = Math.ceil(Math.min(concurrency, MAX_IN_FLIGHT) / (group.length * windows.length));
    await withReader(context, group, windows, ends, async (reader) => {
      const known = await resolveContracts(reader, policy, pairs);
      await concurrently(ends.entries(), endsAtOnce, signal, async ([index, end]) => {
        // Only values of the same bucket end share computations, so that each end has a pricing of its own.
        const pricing = pricingOf(reader, known, pairs, { maxTrades });
        const buckets = windows.map((window) => bucketEndingAt(end, window));
        const computing = group.flatMap((pair) =>
          buckets.map(async (bucket, window) => {
            const place = (index * pairs.length + pairs.indexOf(pair)) * windows.length + window;
            outcomes[place] = await outcomeOf(pricing, pair, bucket, lineOf);
          }),
        );
        await Promise.all(computing);
        // Yields to signals and timers, since a value served from memory does not wait for I/O.
        await setImmediate();
      });
    });
  }
  return outcomes;
}

async function outcomeOf(
  { own: ownOf, triangulation: triangulationOf }: Pricing,
  pair: Pair,
  bucket: Bucket,
  lineOf: (value: PublishedValue) => string,
): Promise<Outcome> {
  try {
    const own = await ownOf(pair, bucket);
    if (own.value !== null) return lineOf(own.value);
    const triangulation = await triangulationOf(pair, bucket, own);
    return triangulation?.outcome === "ok" ? lineOf(triangulation.value) : null;
  } catch (error) {
    if (error instanceof RawDataExpired) return error;
    throw error;
  }
}

/** Returns the pairs in groups whose minutes fit into memory together. */
function groupsOf(pairs: readonly Pair[], windows: readonly number[], ends: readonly Micros[]): Pair[][] {
  const { from, to } = spanOf(windows, ends);
  const size = Math.max(1, Math.floor(MAX_HELD_MINUTES / (Number((to - from) / seconds(60)) + 1)));
  const groups: Pair[][] = [];
  for (let start = 0; start < pairs.length; start += size) groups.push(pairs.slice(start, start + size));
  return groups;
}

/** Returns the time range that covers the buckets of these ends whose windows are held in memory. */
function spanOf(windows: readonly number[], ends: readonly Micros[]): Bucket {
  const longest = Math.max(0, ...windows.filter((window) => window <= MAX_HELD_WINDOW_SECONDS));
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
  if (ends.length < MIN_ENDS_FOR_REPLAY) return withSnapshot(database, read, ended);
  const traded = pairs.flatMap((pair) => expandPair(pair, policy));
  return withReplay(database, { pairs: traded, span: spanOf(windows, ends) }, read, ended);
}
