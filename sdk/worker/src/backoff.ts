import { CallDelayed } from "./failures.ts";

const JOB_SECONDS = { first: 1, most: 600 };
const CALL_SECONDS = { first: 0.5, most: 15 };

/**
 * Returns the seconds to wait before another attempt of a job: exponential backoff with full jitter, a random part of
 * min(600, 2^(attempt-1)).
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 * @param attempt the number of the attempt that failed, from 1
 * @param random a number in [0, 1)
 */
export function backoffSeconds(attempt: number, random: number): number {
  return fullJitter(JOB_SECONDS, attempt, random);
}

/**
 * Returns the seconds to wait before a call to the ledger is repeated: a random part of min(15, 2^(failures-2)), and
 * never less than the ledger asked for.
 * @param failures how often the call has failed, from 1
 * @param random a number in [0, 1)
 */
export function callAgainSeconds(failures: number, random: number, error: unknown): number {
  const asked = error instanceof CallDelayed ? (error.retryAfterSeconds ?? 0) : 0;
  return Math.max(asked, fullJitter(CALL_SECONDS, failures, random));
}

function fullJitter({ first, most }: typeof JOB_SECONDS, count: number, random: number): number {
  return Math.min(most, first * 2 ** (count - 1)) * random;
}
