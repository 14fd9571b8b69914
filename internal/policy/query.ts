import { latestClosed } from "../canonical/bucket.ts";
import { InputError } from "../canonical/input-error.ts";
import { type Spellings, spellingsOf } from "../canonical/known-assets.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { earlierOf, floorTo, MICROS_PER_SECOND, type Micros, seconds } from "../canonical/time.ts";
import { type Aliases, isSelfPair, type Pegs, pairIdentity } from "./aliases.ts";

/** The longest window that can be requested: 31 days. */
export const MAX_WINDOW_SECONDS = 31 * 24 * 3600;

/** The time grid of requested windows and bucket ends, in seconds. */
export interface Grid {
  readonly bucketSeconds: number;
  readonly intervalSeconds: number;
  readonly settleSeconds: number;
}

/** Returns a lookup from a pair to the configured pair that is an alias of it, or null. */
export function configuredPairs(configured: readonly Pair[], aliases: Aliases): (pair: Pair) => Pair | null {
  const byIdentity = new Map(configured.map((pair) => [pairIdentity(pair, aliases), pair]));
  return (pair) => byIdentity.get(pairIdentity(pair, aliases)) ?? null;
}

/** Returns the spellings of all assets in a configuration, for parsing user input. */
export function configuredSpellings(
  configured: readonly Pair[],
  { aliases, pegs }: { readonly aliases: Aliases; readonly pegs: Pegs },
): Spellings {
  const sides = configured.flatMap(({ base, quote }) => [base, quote]);
  return spellingsOf([...sides, ...aliases.groups.keys(), ...pegs.keys()]);
}

/**
 * Returns the pair unchanged.
 * @throws InputError where both sides are names of the same asset
 */
export function refuseSelfPair(pair: Pair, aliases: Aliases): Pair {
  if (isSelfPair(pair, aliases)) {
    throw new InputError(`pair ${formatPair(pair)} has one asset on both sides, by two of its names`);
  }
  return pair;
}

/**
 * Returns a window's length in seconds.
 * @throws InputError where it is not a multiple of the grid, shorter than the interval, or longer than 31 days
 */
export function windowSecondsOf(length: Micros, { bucketSeconds, intervalSeconds }: Grid): number {
  if (length % seconds(bucketSeconds) !== 0n) {
    throw new InputError(`a window must be a multiple of ${bucketSeconds} s`);
  }
  if (length < seconds(intervalSeconds)) throw new InputError(`a window must be at least ${intervalSeconds} s long`);
  if (length > seconds(MAX_WINDOW_SECONDS)) throw new InputError("a window must be at most 31 days (744h) long");
  return Number(length / MICROS_PER_SECOND);
}

/**
 * Returns the bucket end that answers a request for the time `at`: the latest grid point at or before `at` that is
 * closed at `now`.
 */
export function bucketEndAt(at: Micros, now: Micros, { bucketSeconds, settleSeconds }: Grid): Micros {
  return earlierOf(floorTo(at, seconds(bucketSeconds)), latestClosed(now, bucketSeconds, settleSeconds));
}
