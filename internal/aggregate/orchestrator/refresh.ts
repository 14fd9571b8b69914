import { asError } from "../../canonical/as-error.ts";
import { type Bucket, bucketEndingAt } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { MICROS_PER_SECOND, type Micros } from "../../canonical/time.ts";
import { stageDone } from "../../obs/events.ts";
import type { Database } from "../../storage/database.ts";
import { failsWhateverIsAsked, isTimedOut, RawDataExpired } from "../../storage/errors.ts";
import { withSnapshot } from "../../storage/snapshot.ts";
import type { Computation } from "../compute.ts";
import { serializeConfidence } from "../confidence.ts";
import { withContracts } from "../contracts.ts";
import type { Policy } from "../policy.ts";
import { type Pricing, pricingOf } from "../pricing.ts";
import type { TradeReader } from "../reader.ts";
import type { StageReport } from "../stages.ts";
import type { Triangulation } from "../triangulation.ts";
import { computeTwap } from "../twap.ts";
import { confidenceOfPublished } from "../value-confidence.ts";
import { concurrently } from "./concurrently.ts";
import type { Target } from "./target.ts";
import type { Closing } from "./until-complete.ts";

/** What a refresh works with. */
export interface RefreshContext {
  readonly database: Database;
  readonly policy: Policy;
  /** Targets in flight at once; what they ask is read together. */
  readonly concurrency: number;
  /** Raw trades one refresh may pull into the process. */
  readonly maxTrades: number;
  readonly closing: Closing;
  /** Whether the time-weighted average prices are computed as well. */
  readonly precomputeTwap: boolean;
  /** Seconds on a clock that only goes forward. */
  readonly stopwatch: () => number;
  /** Told of sources with trades of a pair that the registry does not know. */
  readonly onUnknownSources: (sources: readonly string[], pair: Pair) => void;
}

/** Batches of one tick that may fail and be split: enough for some bad targets, few where it is not the targets. */
const MOST_FAILURES = 32;
/** A statement that took too long was waited for, all the time that one may take, and counts for so many. */
const TIMED_OUT_FAILURES = 4;

/** What was found out about a target. */
export interface Refreshed {
  /** Of the target's own trades. */
  readonly own: Computation | Error;
  /** Null where it was not needed, or there is no way. */
  readonly triangulation: Triangulation | Error | null;
  /** What is written beside the value; null where nothing is published. */
  readonly besides: Besides | null;
  /** When the last trade was that counts in the bucket; see {@link lastTradeOf}. */
  readonly lastTrade: Micros | null;
}

/** What is written beside a value, as JSON texts. */
export interface Besides {
  /** Null where exchange rates alone make the price. */
  readonly confidence: string | null;
  /** Null where it is not precomputed, or the value does not come from the pair's own trades. */
  readonly twap: string | null;
}

/**
 * Computes what is published of targets at a boundary, together on one snapshot of the trades. Where the database refuses
 * a statement, those it failed are split in halves, each on a snapshot of its own, down to the target that is refused.
 * @returns an entry per target that was begun before `signal`
 */
export async function refreshTargets(
  context: RefreshContext,
  targets: readonly Target[],
  to: Micros,
  signal: AbortSignal,
): Promise<ReadonlyMap<Target, Refreshed>> {
  return new Map(await refreshInHalves(context, targets, to, signal, { left: MOST_FAILURES }));
}

async function refreshInHalves(
  context: RefreshContext,
  targets: readonly Target[],
  to: Micros,
  signal: AbortSignal,
  failures: { left: number },
): Promise<Map<Target, Refreshed>> {
  const refreshed = new Map<Target, Refreshed>();
  const failure = await refreshTogether(context, targets, to, signal, refreshed).then(() => null, asError);
  if (failure === null || signal.aborted) return refreshed;
  const failed = targets.filter((target) => !refreshed.has(target) || failureOf(refreshed.get(target)) !== null);
  failures.left -= isTimedOut(failure) ? TIMED_OUT_FAILURES : 1;
  if (failed.length <= 1 || failures.left <= 0 || failsWhateverIsAsked(failure)) {
    for (const target of failed) {
      refreshed.set(target, { own: failure, triangulation: null, besides: null, lastTrade: null });
    }
    return refreshed;
  }
  const middle = Math.ceil(failed.length / 2);
  for (const half of [failed.slice(0, middle), failed.slice(middle)]) {
    if (signal.aborted) break;
    for (const target of half) refreshed.delete(target);
    for (const [target, found] of await refreshInHalves(context, half, to, signal, failures))
      refreshed.set(target, found);
  }
  return refreshed;
}

/** What makes the rest of a batch fail too; that retention has removed a target's rows does not. */
function failureOf(found: Omit<Refreshed, "lastTrade"> | undefined): Error | null {
  const error = [found?.own, found?.triangulation].find((each) => each instanceof Error);
  return error === undefined || error instanceof RawDataExpired ? null : error;
}

/** @throws the failure that ended it; what was found before stands */
function refreshTogether(
  context: RefreshContext,
  targets: readonly Target[],
  to: Micros,
  signal: AbortSignal,
  refreshed: Map<Target, Refreshed>,
): Promise<void> {
  const { database, policy, concurrency, maxTrades, closing, stopwatch, onUnknownSources } = context;
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
    stageDone.publish({ pair, windowSeconds: secondsOf(bucket), to, stage, trades, dropped, seconds: took, outliers });
  };
  const pairs = targets.map(({ pair }) => pair);
  const refreshAll = async (reader: TradeReader): Promise<void> => {
    const pricing = pricingOf(reader, await withContracts(reader, policy, pairs), pairs, { maxTrades, observe });
    const lost = new AbortController();
    await concurrently(targets, concurrency, AbortSignal.any([signal, lost.signal]), async (target) => {
      const bucket = bucketEndingAt(to, target.windowSeconds);
      // Asked for together with the rest, so that it takes no round trip of its own.
      pricing.lastTradeTime(target.pair, bucket).catch(() => null);
      const found = await refreshOne(context, reader, pricing, target.pair, bucket);
      const lastTrade = await lastTradeOf(pricing, target.pair, bucket, found.triangulation);
      refreshed.set(target, { ...found, lastTrade });
      const failure = failureOf(found);
      if (failure !== null) lost.abort(failure);
    });
    lost.signal.throwIfAborted();
  };
  // The ping of the tick may have been another server's.
  return withSnapshot(database, refreshAll, { to, settleSeconds: closing.settleSeconds });
}

/**
 * When the last trade was that counts in the bucket, in the pair's own market or in one that its price comes through; null
 * where there is none, or that is not known. What is asked here was asked before, and is remembered.
 */
async function lastTradeOf(
  pricing: Pricing,
  pair: Pair,
  bucket: Bucket,
  triangulation: Refreshed["triangulation"],
): Promise<Micros | null> {
  const isThroughOthers = triangulation !== null && "legs" in triangulation;
  const legs = isThroughOthers ? triangulation.legs.flatMap(({ market }) => market ?? []) : [];
  const asked = [pair, ...legs].map((market) => pricing.lastTradeTime(market, bucket).catch(() => null));
  const times = (await Promise.all(asked)).filter((time) => time !== null);
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
  if (own instanceof Error) return { own, triangulation: null, besides: null };
  const triangulation = own.value === null ? await pricing.throughOthers(pair, bucket, own).catch(asError) : null;
  if (triangulation instanceof Error) return { own, triangulation, besides: null };
  const value = own.value ?? (triangulation?.outcome === "ok" ? triangulation.value : null);
  if (value === null) return { own, triangulation, besides: null };
  try {
    const [confidence, twap] = await Promise.all([
      confidenceOfPublished(policy, pricing, pair, bucket, { value, own, triangulation }),
      precomputeTwap ? computeTwap(reader, policy, pair, bucket, own).catch(unlessExpired) : null,
    ]);
    return { own, triangulation, besides: { confidence: confidence && serializeConfidence(confidence), twap } };
  } catch (error) {
    return { own: asError(error), triangulation: null, besides: null };
  }
}

/** A value that needs no raw trades is written though its TWAP would. */
function unlessExpired(error: unknown): null {
  if (error instanceof RawDataExpired) return null;
  throw error;
}

function secondsOf({ from, to }: Bucket): number {
  return Number((to - from) / MICROS_PER_SECOND);
}
