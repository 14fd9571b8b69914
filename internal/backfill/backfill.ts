import { formatPair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import { RawDataExpired } from "../storage/errors.ts";
import type { BackfillFormat } from "./format.ts";
import type { BackfillCounts, BackfillOutput } from "./output.ts";
import { type BackfillPlan, countEnds, endsInChunks } from "./plan.ts";
import { type BackfillContext, type Outcome, valuesAt } from "./values.ts";

/** What became of the buckets of a plan, in this run and earlier ones. */
export interface BackfillResult extends BackfillCounts {
  /** False after a stop: the same run goes on from there. */
  readonly isComplete: boolean;
}

export interface BackfillOptions {
  readonly format: BackfillFormat;
  readonly output: BackfillOutput;
  readonly signal: AbortSignal;
  /** Told how many of the bucket ends are done, those of earlier runs included. */
  readonly onProgress: (done: number, total: number) => void;
}

/** Writes what is published at every bucket end of a plan, in time order, in memory that does not grow with the range. */
export async function runBackfill(
  context: BackfillContext,
  plan: BackfillPlan,
  { format, output, signal, onProgress }: BackfillOptions,
): Promise<BackfillResult> {
  let { counts } = output;
  const total = countEnds(plan, null);
  let left = countEnds(plan, output.done);
  onProgress(total - left, total);
  /** Tells whether it was not stopped. A function, so that nothing of a chunk is held while the next one is computed. */
  const appendAt = async (ends: readonly Micros[]): Promise<boolean> => {
    const outcomes = await valuesAt(context, plan, ends, format.line, signal);
    if (signal.aborted) return false;
    counts = countedWith(counts, plan, outcomes);
    await output.append(outcomes.filter(isLine), ends.at(-1) as Micros, counts);
    left -= ends.length;
    return true;
  };
  for (const ends of endsInChunks(plan, output.done)) {
    if (!(await appendAt(ends))) return { ...counts, isComplete: false };
    onProgress(total - left, total);
  }
  return { ...counts, isComplete: true };
}

function isLine(outcome: Outcome): outcome is string {
  return typeof outcome === "string";
}

function countedWith(before: BackfillCounts, plan: BackfillPlan, outcomes: readonly Outcome[]): BackfillCounts {
  const counts = { ...before };
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome === null) counts.empty++;
    else if (outcome instanceof RawDataExpired) {
      counts.expired++;
      counts.firstExpired ??= `${nameOf(plan, index)}: ${outcome.message}`;
    } else counts.values++;
  }
  return counts;
}

function nameOf({ pairs, windows }: BackfillPlan, index: number): string {
  const [pair, window] = [pairs[Math.floor(index / windows.length) % pairs.length], windows[index % windows.length]];
  return `${pair === undefined ? "" : formatPair(pair)} over ${window} s`;
}
