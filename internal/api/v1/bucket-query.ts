import { z } from "@hono/zod-openapi";
import { type Bucket, bucketEndingAt, latestClosed } from "../../canonical/bucket.ts";
import { InputError } from "../../canonical/input-error.ts";
import type { Pair } from "../../canonical/pair.ts";
import { formatTime, type Micros, seconds } from "../../canonical/time.ts";
import { Problem } from "../../http/problem.ts";
import { checkedBy } from "../../http/query.ts";
import { needs } from "../../lib/cross-checks.ts";
import { bucketEndAt, windowSecondsOf } from "../../policy/query.ts";
import type { ApiSettings } from "../context.ts";
import { notReplayed } from "../failure.ts";
import { PRICE_PROBLEMS } from "../problems.ts";
import { filterParameter } from "./filter-parameter.ts";
import { askedPair, pairCheck, pairParameters } from "./pair-parameters.ts";
import type { AsOf } from "./replay-fallback.ts";
import type { Service } from "./service.ts";
import { timeParameter, windowParameter } from "./time-parameters.ts";

/** A query for one bucket: of the latest window, of a window at a moment, or of a time range. */
export interface BucketQuery {
  readonly pair: Pair;
  /** Null with `range`. */
  readonly windowSeconds: number | null;
  readonly at: Micros | null;
  readonly range: Bucket | null;
  /** Whether all trades count (`filter=none`). */
  readonly isRaw: boolean;
}

/**
 * Returns the query schema of the endpoints that answer for one bucket.
 * @param filters whether `filter=none` is allowed
 */
export function bucketQuerySchema(service: Service, defaultWindowSeconds: number, { filters = false } = {}) {
  const { settings } = service;
  const filter: { filter?: typeof filterParameter } = filters ? { filter: filterParameter } : {};
  return z
    .strictObject({
      ...pairParameters,
      window: windowParameter(settings, defaultWindowSeconds),
      at: timeParameter("A time in the past: selects the last bucket that ended at or before it."),
      from: timeParameter(
        `Start of the bucket, a multiple of ${settings.bucketSeconds} s; with \`to\`, instead of \`window\` and \`at\`.`,
      ),
      to: timeParameter("End of the bucket (exclusive); with `from`."),
      ...filter,
    })
    .superRefine(...pairCheck(service))
    .superRefine(
      checkedBy("from", (query) => askedRange(query, settings)),
      needs("from", "to", "window", "at"),
    )
    .transform((query): BucketQuery => {
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

/** Whether a query is for the latest bucket. */
export function isCurrent({ at, range }: BucketQuery): boolean {
  return at === null && range === null;
}

/**
 * Returns the bucket that a query is for: closed by the clock, and complete in the database that answers.
 * @throws Problem where it lies in the future or is not closed yet
 */
export function bucketOf(
  { windowSeconds, at, range }: BucketQuery,
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
    throw new Problem(
      PRICE_PROBLEMS["bucket-not-closed"],
      `the bucket accepts trades until ${formatTime(closes)}; try again then`,
      {
        headers: { "Retry-After": String((closes - now + 999_999n) / 1_000_000n) },
      },
    );
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
  if (from === undefined || to === undefined) throw new InputError("from and to must be given together");
  if (window !== undefined || at !== undefined) throw new InputError("use from and to, or window and at, not both");
  if (from >= to) throw new InputError("from is not before to");
  for (const [name, time] of Object.entries({ from, to })) {
    if (time % seconds(settings.bucketSeconds) !== 0n) {
      throw new InputError(`${name} is not a multiple of ${settings.bucketSeconds} s`);
    }
  }
  windowSecondsOf(to - from, settings);
  return { from, to };
}

function refuseFuture(parameter: string, time: Micros, now: Micros): void {
  if (time > now) {
    throw new Problem(
      PRICE_PROBLEMS["future-time"],
      `${parameter} ${formatTime(time)} lies in the future; it is ${formatTime(now)}`,
    );
  }
}
