import { type Bucket, bucketEndingAt } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import { MICROS_PER_SECOND, type Micros } from "../canonical/time.ts";
import { asError } from "../lib/as-error.ts";
import { concurrently } from "../lib/concurrently.ts";
import type { Computation } from "../policy/compute.ts";
import { serializeConfidence } from "../policy/confidence.ts";
import { resolveContracts } from "../policy/contracts.ts";
import type { Policy } from "../policy/policy.ts";
import { type Pricing, pricingOf } from "../policy/pricing.ts";
import type { TradeReader } from "../policy/reader.ts";
import type { Triangulation } from "../policy/routes/triangulation.ts";
import type { StageReport } from "../policy/stages.ts";
import { computeTwap } from "../policy/twap.ts";
import { confidenceOfPublished } from "../policy/value-confidence.ts";
import type { Database } from "../storage/connection/database.ts";
import { isIndependentOfQuery, isTimedOut, RawDataExpired } from "../storage/connection/errors.ts";
import { withSnapshot } from "../storage/windows/snapshot.ts";
import { stageDone } from "./events.ts";
import type { ReplayWait } from "./replay-wait.ts";
import type { Target } from "./target.ts";

/** The dependencies of a refresh. */
export interface RefreshContext {
  readonly database: Database;
  readonly policy: Policy;
  /** Maximum number of concurrent targets; their reads are batched. */
  readonly concurrency: number;
  /** Maximum number of raw trades that one refresh may load into the process. */
  readonly maxTrades: number;
  readonly replayWait: ReplayWait;
  /** Whether TWAPs are computed too. */
  readonly precomputeTwap: boolean;
  /** Seconds on a monotonic clock. */
  readonly stopwatch: () => number;
  /** Called with the sources of a pair's trades that are not in the registry. */
  readonly onUnknownSources: (sources: readonly string[], pair: Pair) => void;
}

/** Maximum number of failed batches per tick that are bisected: enough to isolate a few failing targets. */
const MAX_FAILED_BATCHES = 32;
/** A statement timeout counts as this many failures, because each one costs the full timeout. */
const TIMED_OUT_FAILURES = 4;

/** The result of a target's refresh. */
export interface Refreshed {
  /** The computation from the target's own trades. */
  readonly own: Computation | Error;
  /** Null where it was not needed or there is no chain and no route. */
  readonly triangulation: Triangulation | Error | null;
  /** Confidence and TWAP of the value; null where nothing is published. */
  readonly companions: CompanionValues | null;
  /** Time of the last trade in the bucket; see {@link lastTradeOf}. */
  readonly lastTrade: Micros | null;
}

/** The values that are written together with a price, as JSON. */
export interface CompanionValues {
  /** Null where all legs of the price are exchange rates. */
  readonly confidence: string | null;
  /** Null where it is not precomputed, or the price is triangulated. */
  readonly twap: string | null;
}

/**
 * Computes the published values of targets at a boundary on one snapshot of the trades. If a statement fails, the
 * targets that failed with it are bisected, each half on its own snapshot, until the failing target is isolated.
 * @returns an entry for each target that was started before `signal` aborted
 */
export async function refreshTargets(
  context: RefreshContext,
  targets: readonly Target[],
  to: Micros,
  signal: AbortSignal,
): Promise<ReadonlyMap<Target, Refreshed>> {
  return new Map(await refreshBisecting(context, targets, to, signal, { left: MAX_FAILED_BATCHES }));
}

async function refreshBisecting(
  context: RefreshContext,
  targets: readonly Target[],
  to: Micros,
  signal: AbortSignal,
  failures: { left: number },
): Promise<Map<Target, Refreshed>> {
  const refreshed = new Map<Target, Refreshed>();
  const failure = await refreshBatch(context, targets, to, signal, refreshed).then(() => null, asError);
  if (failure === null || signal.aborted) return refreshed;
  const failed = targets.filter((target) => !refreshed.has(target) || failureOf(refreshed.get(target)) !== null);
  failures.left -= isTimedOut(failure) ? TIMED_OUT_FAILURES : 1;
  if (failed.length <= 1 || failures.left <= 0 || isIndependentOfQuery(failure)) {
    for (const target of failed) {
      refreshed.set(target, { own: failure, triangulation: null, companions: null, lastTrade: null });
    }
    return refreshed;
  }
  const middle = Math.ceil(failed.length / 2);
  for (const half of [failed.slice(0, middle), failed.slice(middle)]) {
    if (signal.aborted) break;
    for (const target of half) refreshed.delete(target);
    for (const [target, found] of await refreshBisecting(context, half, to, signal, failures))
      refreshed.set(target, found);
  }
  return refreshed;
}

/** Returns the error that fails the rest of the batch too. RawDataExpired does not: it concerns one target. */
function failureOf(found: Omit<Refreshed, "lastTrade"> | undefined): Error | null {
  const error = [found?.own, found?.triangulation].find((each) => each instanceof Error);
  return error === undefined || error instanceof RawDataExpired ? null : error;
}

/** Refreshes targets on one snapshot. @throws the failure that ended it; results before it remain in `refreshed` */
function refreshBatch(
  context: RefreshContext,
  targets: readonly Target[],
  to: Micros,
  signal: AbortSignal,
  refreshed: Map<Target, Refreshed>,
): Promise<void> {
  const { database, policy, concurrency, maxTrades, replayWait, stopwatch, onUnknownSources } = context;
  const started = stopwatch();
  const lastStages = new Map<Pair, Map<Micros, number>>();
  const observe = (pair: Pair, bucket: Bucket, report: StageReport): void => {
    onUnknownSources(report.unknownSources ?? [], pair);
    const { stage, trades, dropped, outliers = [] } = report;
    const ofPair = lastStages.get(pair) ?? new Map<Micros, number>();
    lastStages.set(pair, ofPair);
    const ended = stopwatch();
    const took = ended - (ofPair.get(bucket.from) ?? started);
    ofPair.set(bucket.from, ended);
    stageDone.publish({
      pair,
      windowSeconds: lengthInSeconds(bucket),
      to,
      stage,
      trades,
      dropped,
      seconds: took,
      outliers,
    });
  };
  const pairs = targets.map(({ pair }) => pair);
  const refreshAll = async (reader: TradeReader): Promise<void> => {
    const pricing = pricingOf(reader, await resolveContracts(reader, policy, pairs), pairs, { maxTrades, observe });
    const batchFailure = new AbortController();
    await concurrently(targets, concurrency, AbortSignal.any([signal, batchFailure.signal]), async (target) => {
      const bucket = bucketEndingAt(to, target.windowSeconds);
      // Prefetched, so that it is read in one round trip with the rest.
      pricing.lastTradeTime(target.pair, bucket).catch(() => null);
      const found = await refreshOne(context, reader, pricing, target.pair, bucket);
      const lastTrade = await lastTradeOf(pricing, target.pair, bucket, found.triangulation);
      refreshed.set(target, { ...found, lastTrade });
      const failure = failureOf(found);
      if (failure !== null) batchFailure.abort(failure);
    });
    batchFailure.signal.throwIfAborted();
  };
  // The snapshot checks the replay position again: the tick's ping may have reached another server.
  return withSnapshot(database, refreshAll, { to, settleSeconds: replayWait.settleSeconds });
}

/**
 * Returns the time of the last trade in the bucket that counts, in the pair's own markets or in a leg of its price;
 * null where there is none or it is unknown. The times are memoized by `pricing`.
 */
async function lastTradeOf(
  pricing: Pricing,
  pair: Pair,
  bucket: Bucket,
  triangulation: Refreshed["triangulation"],
): Promise<Micros | null> {
  const isTriangulated = triangulation !== null && "legs" in triangulation;
  const legs = isTriangulated ? triangulation.legs.flatMap(({ market }) => market ?? []) : [];
  const reads = [pair, ...legs].map((market) => pricing.lastTradeTime(market, bucket).catch(() => null));
  const times = (await Promise.all(reads)).filter((time) => time !== null);
  return times.reduce<Micros | null>((latest, time) => (latest === null || time > latest ? time : latest), null);
}

async function refreshOne(
  { policy, precomputeTwap }: RefreshContext,
  reader: TradeReader,
  pricing: Pricing,
  pair: Pair,
  bucket: Bucket,
): Promise<Omit<Refreshed, "lastTrade">> {
  const own = await pricing.own(pair, bucket).catch(asError);
  if (own instanceof Error) return { own, triangulation: null, companions: null };
  const triangulation = own.value === null ? await pricing.triangulation(pair, bucket, own).catch(asError) : null;
  if (triangulation instanceof Error) return { own, triangulation, companions: null };
  const value = own.value ?? (triangulation?.outcome === "ok" ? triangulation.value : null);
  if (value === null) return { own, triangulation, companions: null };
  try {
    const [confidence, twap] = await Promise.all([
      confidenceOfPublished(policy, pricing, pair, bucket, { value, own, triangulation }),
      precomputeTwap ? computeTwap(reader, policy, pair, bucket, own).catch(unlessExpired) : null,
    ]);
    return { own, triangulation, companions: { confidence: confidence && serializeConfidence(confidence), twap } };
  } catch (error) {
    return { own: asError(error), triangulation: null, companions: null };
  }
}

/** A price from rollups is written even if its TWAP needs raw trades that retention has removed. */
function unlessExpired(error: unknown): null {
  if (error instanceof RawDataExpired) return null;
  throw error;
}

function lengthInSeconds({ from, to }: Bucket): number {
  return Number((to - from) / MICROS_PER_SECOND);
}
