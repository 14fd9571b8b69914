import { isClosed, latestClosed } from "../canonical/bucket.ts";
import { formatDuration } from "../canonical/duration.ts";
import { InputError } from "../canonical/input-error.ts";
import { formatPair, type Pair, parseTypedPair } from "../canonical/pair.ts";
import { formatTime, MICROS_PER_SECOND, type Micros, seconds } from "../canonical/time.ts";
import { pairIdentity } from "../policy/aliases.ts";
import type { Policy } from "../policy/policy.ts";
import { configuredPairs, configuredSpellings, type Grid, refuseSelfPair, windowSecondsOf } from "../policy/query.ts";
import type { BackfillPlan } from "./plan.ts";

/** Which values are asked for; null for the configured pairs or windows. */
export interface BackfillRequest {
  /** As typed, such as XLM/USD. */
  readonly pairs: readonly string[] | null;
  /** Lengths in microseconds. */
  readonly windows: readonly Micros[] | null;
  readonly from: Micros;
  readonly to: Micros;
  readonly every: Micros;
}

/** What is configured. */
export interface BackfillDefaults {
  readonly pairs: readonly Pair[];
  /** In seconds. */
  readonly windows: readonly number[];
  readonly grid: Grid;
  readonly policy: Policy;
}

/**
 * Returns the values to compute.
 * @param nameOf how the user writes a field, such as --pairs
 * @throws InputError that names the field which is wrong
 */
export function planOf(
  { from, to, every, ...request }: BackfillRequest,
  { grid, policy, ...defaults }: BackfillDefaults,
  now: Micros,
  nameOf: (field: keyof BackfillRequest) => string,
): BackfillPlan {
  if (every === 0n || every % seconds(grid.bucketSeconds) !== 0n) {
    const given = formatDuration(Number(every) / 1e6);
    throw new InputError(`${nameOf("every")} ${given} is not a multiple of bucket_seconds, ${grid.bucketSeconds} s`);
  }
  if (from < 0n) throw new InputError(`${nameOf("from")} ${formatTime(from)} is before 1970`);
  if (from >= to) throw new InputError(`${nameOf("from")} is not before ${nameOf("to")}`);
  if (!isClosed(to, now, grid.settleSeconds)) {
    const closed = formatTime(latestClosed(now, grid.bucketSeconds, grid.settleSeconds));
    throw new InputError(
      `${nameOf("to")} ${formatTime(to)} is not closed yet; the latest closed bucket end is ${closed}`,
    );
  }
  const windows = request.windows?.map((length) => within(nameOf("windows"), () => windowSecondsOf(length, grid)));
  const pairs =
    request.pairs === null
      ? defaults.pairs
      : within(nameOf("pairs"), () => pairsOf(request.pairs ?? [], defaults.pairs, policy));
  return {
    pairs,
    windows: [...new Set(windows ?? defaults.windows)],
    from,
    to,
    everySeconds: Number(every / MICROS_PER_SECOND),
  };
}

/** Identifies the values of a plan: all inputs of the backfill but the trades, as JSON. */
export function contentId({ pairs, windows, from, to, everySeconds }: BackfillPlan, policy: Policy): string {
  return JSON.stringify({
    pairs: pairs.map(formatPair),
    windows,
    from: formatTime(from),
    to: formatTime(to),
    everySeconds,
    policy: policy.id,
  });
}

function pairsOf(texts: readonly string[], configured: readonly Pair[], policy: Policy): Pair[] {
  const { aliases } = policy;
  const spellings = configuredSpellings(configured, policy);
  const nameOf = configuredPairs(configured, aliases);
  const pairs = new Map<string, Pair>();
  for (const text of texts) {
    const pair = refuseSelfPair(parseTypedPair(text.trim(), spellings), aliases);
    pairs.set(pairIdentity(pair, aliases), nameOf(pair) ?? pair);
  }
  return [...pairs.values()];
}

function within<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${field}: ${error.message}`) : error;
  }
}
