import { z } from "@hono/zod-openapi";
import { bucketEndAt, windowSecondsOf } from "../../aggregate/question.ts";
import { type Bucket, bucketEndingAt, latestClosed } from "../../canonical/bucket.ts";
import { InputError } from "../../canonical/input-error.ts";
import type { Pair } from "../../canonical/pair.ts";
import { formatTime, type Micros, seconds } from "../../canonical/time.ts";
import { needs } from "../../config/cross-checks.ts";
import type { ApiSettings } from "../context.ts";
import { notReplayed } from "../failure.ts";
import { Problem } from "../problem.ts";
import { checkedBy } from "../query.ts";
import { filterParameter } from "./filter-parameter.ts";
import { askedPair, pairCheck, pairParameters } from "./pair-parameters.ts";
import type { Service } from "./service.ts";
import { timeParameter, windowParameter } from "./time-parameters.ts";
import type { AsOf } from "./where-complete.ts";

/** A question about a window, a window at a moment, or a stretch of time. */
export interface Question {
  readonly pair: Pair;
  /** Null with `range`. */
  readonly windowSeconds: number | null;
  readonly at: Micros | null;
  readonly range: Bucket | null;
  /** Whether every trade is to count, as traded. */
  readonly isRaw: boolean;
}

/**
 * The query of the endpoints that answer for one bucket.
 * @param filters `filter=none` may be asked for
 */
export function questionSchema(service: Service, defaultWindowSeconds: number, { filters = false } = {}) {
  const { settings } = service;
  const filter: { filter?: typeof filterParameter } = filters ? { filter: filterParameter } : {};
  return z
    .strictObject({
      ...pairParameters,
      window: windowParameter(settings, defaultWindowSeconds),
      at: timeParameter("Ask about the past: the last bucket that ended at or before this moment."),
      from: timeParameter(
        `With \`to\`, in place of \`window\` and \`at\`: the start of the bucket, on the grid of ${settings.bucketSeconds} s.`,
      ),
      to: timeParameter("With `from`: the end of the bucket, which it does not include."),
      ...filter,
    })
    .superRefine(...pairCheck(service))
    .superRefine(
      checkedBy("from", (query) => askedRange(query, settings)),
      needs("from", "to", "window", "at"),
    )
    .transform((query): Question => {
      const range = askedRange(query, settings);
      return {
        pair: askedPair(query, service),
        windowSeconds: range === null ? (query.window ?? defaultWindowSeconds) : null,
        at: query.at ?? null,
        range,
        isRaw: query.filter === "none",
      };
    });
}

/** Whether a question is about the latest there is. */
export function isCurrent({ at, range }: Question): boolean {
  return at === null && range === null;
}

/**
 * The bucket that a question is about, closed by the clock and in the database that answers.
 * @throws Problem where it lies in the future or is not closed yet
 */
export function bucketOf(
  { windowSeconds, at, range }: Question,
  settings: ApiSettings,
  now: Micros,
  { moment, behind }: AsOf,
): Bucket {
  const { bucketSeconds, settleSeconds } = settings;
  const latest = latestClosed(moment, bucketSeconds, settleSeconds);
  if (range === null) {
    if (at !== null) refuseFuture("at", at, now);
    const to = bucketEndAt(at ?? moment, moment, settings);
    return bucketEndingAt(to, windowSeconds ?? 0);
  }
  refuseFuture("to", range.to, now);
  if (range.to > latest && behind !== null) throw notReplayed(behind);
  if (range.to > latest) {
    const closes = range.to + seconds(settleSeconds);
    throw new Problem("bucket-not-closed", `trades may still land in it until ${formatTime(closes)}; ask again then`, {
      headers: { "Retry-After": String((closes - now + 999_999n) / 1_000_000n) },
    });
  }
  return range;
}

interface AskedTimes {
  readonly window?: number | undefined;
  readonly at?: Micros | undefined;
  readonly from?: Micros | undefined;
  readonly to?: Micros | undefined;
}

function askedRange({ window, at, from, to }: AskedTimes, settings: ApiSettings): Bucket | null {
  if (from === undefined && to === undefined) return null;
  if (from === undefined || to === undefined) throw new InputError("from and to go together");
  if (window !== undefined || at !== undefined) throw new InputError("use from and to, or window and at, not both");
  if (from >= to) throw new InputError("from is not before to");
  for (const [name, time] of Object.entries({ from, to })) {
    if (time % seconds(settings.bucketSeconds) !== 0n) {
      throw new InputError(`${name} is not on the grid of ${settings.bucketSeconds} s`);
    }
  }
  windowSecondsOf(to - from, settings);
  return { from, to };
}

function refuseFuture(parameter: string, time: Micros, now: Micros): void {
  if (time > now) {
    throw new Problem("future-time", `${parameter} ${formatTime(time)} lies in the future; it is ${formatTime(now)}`);
  }
}
