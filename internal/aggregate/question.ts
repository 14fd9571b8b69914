import { latestClosed } from "../canonical/bucket.ts";
import { InputError } from "../canonical/input-error.ts";
import { type Spellings, spellingsOf } from "../canonical/known-assets.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { earlierOf, floorTo, MICROS_PER_SECOND, type Micros, seconds } from "../canonical/time.ts";
import { type Aliases, isOneAsset, type Pegs, pairIdentity } from "./aliases.ts";

/** The longest window that is answered, 31 days. */
export const LONGEST_WINDOW_SECONDS = 31 * 24 * 3600;

/** The timings that questions are held to, in seconds. */
export interface Grid {
  readonly bucketSeconds: number;
  readonly intervalSeconds: number;
  readonly settleSeconds: number;
}

/** Finds the configured pair that a pair is another name of; null where there is none. */
export function configuredPairs(configured: readonly Pair[], aliases: Aliases): (pair: Pair) => Pair | null {
  const byIdentity = new Map(configured.map((pair) => [pairIdentity(pair, aliases), pair]));
  return (pair) => byIdentity.get(pairIdentity(pair, aliases)) ?? null;
}

/** How the assets are spelt that a configuration names, for reading what people type. */
export function configuredSpellings(
  configured: readonly Pair[],
  { aliases, pegs }: { readonly aliases: Aliases; readonly pegs: Pegs },
): Spellings {
  const sides = configured.flatMap(({ base, quote }) => [base, quote]);
  return spellingsOf([...sides, ...aliases.groups.keys(), ...pegs.keys()]);
}

/**
 * A pair whose sides are two assets, whatever names they go by.
 * @throws InputError where they are names of one
 */
export function refuseOneAsset(pair: Pair, aliases: Aliases): Pair {
  if (isOneAsset(pair, aliases)) {
    throw new InputError(`pair ${formatPair(pair)} has one asset on both sides, by two of its names`);
  }
  return pair;
}

/**
 * A length that a window may have, in seconds.
 * @throws InputError where it is off the grid, shorter than an interval, or too long
 */
export function windowSecondsOf(length: Micros, { bucketSeconds, intervalSeconds }: Grid): number {
  if (length % seconds(bucketSeconds) !== 0n) {
    throw new InputError(`a window is a multiple of the grid of ${bucketSeconds} s`);
  }
  if (length < seconds(intervalSeconds)) throw new InputError(`a window is at least ${intervalSeconds} s long`);
  if (length > seconds(LONGEST_WINDOW_SECONDS)) throw new InputError("a window is at most 31 days (744h) long");
  return Number(length / MICROS_PER_SECOND);
}

/**
 * The end of the bucket that a question about the moment `at` gets: the largest grid point at or before it that is
 * closed now.
 */
export function bucketEndAt(at: Micros, now: Micros, { bucketSeconds, settleSeconds }: Grid): Micros {
  return earlierOf(floorTo(at, seconds(bucketSeconds)), latestClosed(now, bucketSeconds, settleSeconds));
}
