import type { MaybePromise } from "../lib/maybe-promise.ts";
import { DeadlineExceeded, makeSemaphore, QueueFull } from "../lib/semaphore.ts";
import { requestsInFlight, type ServerName } from "./events.ts";
import { overloaded, type Problem, timedOut } from "./problem.ts";

/** What requests compete for: reads and writes are counted apart, so that neither keeps the other out. */
export type AdmissionClass = "read" | "write";

/** The limits of one class. */
export interface AdmissionLimits {
  /** The most requests in progress. */
  readonly maxInFlight: number;
  /** Timeout of a request. */
  readonly requestTimeoutSeconds: number;
}

/** Admission control: limits the requests in progress and their duration. Synchronous answers are always given. */
export interface Admission {
  /**
   * Answers a new request.
   * @throws Problem `overloaded` at once where it would have to wait and the limit of its class is reached; the promise
   *   rejects with `timeout` after the request timeout
   */
  enter<C, T>(
    admissionClass: AdmissionClass,
    limits: AdmissionLimits,
    respond: (c: C) => MaybePromise<T>,
    c: C,
  ): MaybePromise<T>;
  /** Whether the current request must be answered synchronously, since the limit is reached. */
  mustNotWait(): boolean;
  /** @throws Problem `overloaded` where {@link mustNotWait}; called before work that takes time is begun */
  refuseIfFull(): void;
  /** Returns the problem of a request that timed out. */
  timedOut(): Problem;
}

/**
 * @param server whose requests are admitted, for metrics
 * @param onTimeout returns the problem of a request that timed out, for callers who can be advised what to change
 */
export function makeAdmission(server: ServerName, onTimeout: () => Problem = timedOut): Admission {
  const inFlight: Record<AdmissionClass, number> = { read: 0, write: 0 };
  // True only during the synchronous part of a new request that must not wait; later work belongs to admitted requests.
  let mustBeSync = false;

  function change(admissionClass: AdmissionClass, by: number): void {
    inFlight[admissionClass] += by;
    requestsInFlight.publish({ server, count: inFlight.read + inFlight.write });
  }

  function wait<T>(
    admissionClass: AdmissionClass,
    { maxInFlight, requestTimeoutSeconds }: AdmissionLimits,
    answer: Promise<T>,
  ): Promise<T> {
    if (inFlight[admissionClass] >= maxInFlight) {
      // It only joined a computation of other requests; nothing was started for it.
      answer.catch(() => {});
      throw overloaded();
    }
    change(admissionClass, +1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(onTimeout()), requestTimeoutSeconds * 1000);
      // A request that timed out counts until its work ends; otherwise such work would pile up.
      const settle = (): void => {
        clearTimeout(timer);
        change(admissionClass, -1);
      };
      answer.finally(settle).then(resolve, reject);
    });
  }

  return {
    enter(admissionClass, limits, respond, c) {
      mustBeSync = inFlight[admissionClass] >= limits.maxInFlight;
      let answer: ReturnType<typeof respond>;
      try {
        answer = respond(c);
      } finally {
        mustBeSync = false;
      }
      return answer instanceof Promise ? wait(admissionClass, limits, answer) : answer;
    },
    mustNotWait: () => mustBeSync,
    refuseIfFull: () => {
      if (mustBeSync) throw overloaded();
    },
    timedOut: onTimeout,
  };
}

/**
 * Runs a call of a client once one of the lane's permits is free; clients are served in turn.
 * @param deadline by the stopwatch; a call that is still queued then is dropped
 * @throws Problem `overloaded` where the request must not wait, or the queue is full; `timeout` at the deadline
 */
export type Lane = <T>(call: () => Promise<T>, client: string, deadline: number) => Promise<T>;

/**
 * Returns a lane, in which requests call what bears only so many calls at once, such as the database.
 * @param permits the most calls that run at once
 * @param stopwatch a monotonic clock, in seconds
 * @param maxQueued returns the most calls that wait
 */
export function makeLane(
  admission: Pick<Admission, "refuseIfFull" | "timedOut">,
  permits: number,
  stopwatch: () => number,
  maxQueued: () => number,
): Lane {
  const semaphore = makeSemaphore(permits, stopwatch, maxQueued);
  return (call, client, deadline) => {
    admission.refuseIfFull();
    return semaphore.run(call, deadline, client).catch((error: unknown) => {
      if (error instanceof QueueFull) throw overloaded();
      throw error instanceof DeadlineExceeded ? admission.timedOut() : error;
    });
  };
}
