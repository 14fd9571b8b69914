/** Whether long comparisons run in full, as in the fault suite; the default suite runs a part of each. */
export const isThorough = process.env["STELLARINDEX_TEST_THOROUGH"] === "1";

/** The default suite runs one in this many runs of a property. */
const PART = 8;

/** Returns the number of runs of a property that has `full` runs in the fault suite; STELLARINDEX_TEST_RUNS overrides it. */
export function runsOf(full: number): number {
  const asked = process.env["STELLARINDEX_TEST_RUNS"];
  if (asked !== undefined) return Number(asked);
  return isThorough ? full : Math.ceil(full / PART);
}

/**
 * Returns the engines of a comparison that hardly depends on the engine: all in the fault suite, else the last one.
 */
export function enginesOf<Engine>(all: readonly Engine[]): readonly Engine[] {
  return isThorough ? all : all.slice(-1);
}

/** The cases of a table whose cases differ little: all in the fault suite, the first few in the default suite. */
export function casesOf<Case>(few: number, all: readonly Case[]): readonly Case[] {
  return isThorough ? all : all.slice(0, few);
}
