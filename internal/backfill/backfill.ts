import { formatPair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import { RawDataExpired } from "../storage/connection/errors.ts";
import type { BackfillFormat } from "./format.ts";
import type { BackfillCounts, BackfillOutput } from "./output.ts";
import { type BackfillPlan, countEnds, endsInChunks } from "./plan.ts";
import { type BackfillContext, type Outcome, valuesAt } from "./values.ts";

/** The outcome counts of a plan's buckets, in this run and earlier ones. */
export interface BackfillResult extends BackfillCounts {
  /** False if the run was stopped; running the same command again resumes it. */
  readonly isComplete: boolean;
}

export interface BackfillOptions {
  readonly format: BackfillFormat;
  readonly output: BackfillOutput;
  readonly signal: AbortSignal;
  /** Called with the number of bucket ends that are done, including earlier runs. */
  readonly onProgress: (done: number, total: number) => void;
}

/** Writes the published values of a plan's bucket ends in time order; memory does not grow with the range. */
export async function runBackfill(
  context: BackfillContext,
  plan: BackfillPlan,
  { format, output, signal, onProgress }: BackfillOptions,
): Promise<BackfillResult> {
  let { counts } = output;
  const total = countEnds(plan, null);
  let remaining = countEnds(plan, output.done);
  onProgress(total - remaining, total);
  /**
   * Returns false if stopped. As a function, it lets a chunk's values be collected before the next chunk is computed.
   */
  const appendAt = async (ends: readonly Micros[]): Promise<boolean> => {
    const outcomes = await valuesAt(context, plan, ends, format.line, signal);
    if (signal.aborted) return false;
    counts = addOutcomes(counts, plan, outcomes);
    await output.append(outcomes.filter(isLine), ends.at(-1) as Micros, counts);
    remaining -= ends.length;
    return true;
  };
  for (const ends of endsInChunks(plan, output.done)) {
    if (!(await appendAt(ends))) return { ...counts, isComplete: false };
    onProgress(total - remaining, total);
  }
  return { ...counts, isComplete: true };
}

function isLine(outcome: Outcome): outcome is string {
  return typeof outcome === "string";
}

function addOutcomes(before: BackfillCounts, plan: BackfillPlan, outcomes: readonly Outcome[]): BackfillCounts {
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
