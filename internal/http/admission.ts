import type { MaybePromise } from "../lib/maybe-promise.ts";
import { DeadlineExceeded, makeSemaphore, QueueFull } from "../lib/semaphore.ts";
import { requestsInFlight, type ServerName } from "./events.ts";
import { overloaded, type Problem, tenantOverloaded, timedOut } from "./problem.ts";

/** What requests compete for: reads and writes are counted apart, so that neither keeps the other out. */
export type AdmissionClass = "read" | "write";

/** The limits of one class. */
export interface AdmissionLimits {
  /** The most requests in progress. */
  readonly maxInFlight: number;
  /** The most of one tenant, so that its slow requests do not keep others out; default: all. */
  readonly maxInFlightPerTenant?: number;
  /** Timeout of a request. */
  readonly requestTimeoutSeconds: number;
}

/** Admission control: limits the requests in progress and their duration. Synchronous answers are always given. */
export interface Admission {
  /**
   * Answers a new request.
   * @param tenant of the principal; null for none
   * @throws Problem `overloaded` at once where it would have to wait and the limit of its class or of its tenant is
   *   reached; the promise rejects with `timeout` after the request timeout
   */
  enter<C, T>(
    admissionClass: AdmissionClass,
    limits: AdmissionLimits,
    respond: (c: C) => MaybePromise<T>,
    c: C,
    tenant?: string | null,
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
  const inFlightOf: Record<AdmissionClass, Map<string, number>> = { read: new Map(), write: new Map() };
  // Only during the synchronous part of a new request that must not wait; later work belongs to admitted requests.
  let refusal: (() => Problem) | null = null;

  /** Returns how a request that has to wait is refused; null where it may wait. */
  function refusalOf(
    admissionClass: AdmissionClass,
    { maxInFlight, maxInFlightPerTenant = maxInFlight }: AdmissionLimits,
    tenant: string | null,
  ): (() => Problem) | null {
    if (inFlight[admissionClass] >= maxInFlight) return overloaded;
    const ofTenant = tenant === null ? 0 : (inFlightOf[admissionClass].get(tenant) ?? 0);
    return ofTenant >= maxInFlightPerTenant ? tenantOverloaded : null;
  }

  function change(admissionClass: AdmissionClass, tenant: string | null, by: number): void {
    inFlight[admissionClass] += by;
    if (tenant !== null) {
      const tenants = inFlightOf[admissionClass];
      const left = (tenants.get(tenant) ?? 0) + by;
      if (left === 0) tenants.delete(tenant);
      else tenants.set(tenant, left);
    }
    requestsInFlight.publish({ server, count: inFlight.read + inFlight.write });
  }

  function wait<T>(
    admissionClass: AdmissionClass,
    limits: AdmissionLimits,
    answer: Promise<T>,
    tenant: string | null,
  ): Promise<T> {
    const refused = refusalOf(admissionClass, limits, tenant);
    if (refused !== null) {
      // It only joined a computation of other requests; nothing was started for it.
      answer.catch(() => {});
      throw refused();
    }
    change(admissionClass, tenant, +1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(onTimeout()), limits.requestTimeoutSeconds * 1000);
      // A request that timed out counts until its work ends; otherwise such work would pile up.
      const settle = (): void => {
        clearTimeout(timer);
        change(admissionClass, tenant, -1);
      };
      answer.finally(settle).then(resolve, reject);
    });
  }

  return {
    enter(admissionClass, limits, respond, c, tenant = null) {
      refusal = refusalOf(admissionClass, limits, tenant);
      let answer: ReturnType<typeof respond>;
      try {
        answer = respond(c);
      } finally {
        refusal = null;
      }
      return answer instanceof Promise ? wait(admissionClass, limits, answer, tenant) : answer;
    },
    mustNotWait: () => refusal !== null,
    refuseIfFull: () => {
      if (refusal !== null) throw refusal();
    },
    timedOut: onTimeout,
  };
}

/**
 * Runs a call of a client once one of the lane's permits is free; clients are served in turn.
 * @param deadline by the stopwatch; a call that is still queued then is dropped
 * @param group of clients that share a part of the permits, such as a tenant; default: the client alone
 * @throws Problem `overloaded` where the request must not wait, or the queue is full; `timeout` at the deadline
 */
export type Lane = <T>(call: () => Promise<T>, client: string, deadline: number, group?: string) => Promise<T>;

/**
 * Returns a lane, in which requests call what bears only so many calls at once, such as the database.
 * @param permits the most calls that run at once
 * @param stopwatch a monotonic clock, in seconds
 * @param maxQueued returns the most calls that wait
 * @param maxPerGroup the most calls of one group of clients that run at once; default: all permits
 */
export function makeLane(
  admission: Pick<Admission, "refuseIfFull" | "timedOut">,
  permits: number,
  stopwatch: () => number,
  maxQueued: () => number,
  maxPerGroup: number = permits,
): Lane {
  const semaphore = makeSemaphore(permits, stopwatch, maxQueued, maxPerGroup);
  return (call, client, deadline, group) => {
    admission.refuseIfFull();
    return semaphore.run(call, deadline, client, group).catch((error: unknown) => {
      if (error instanceof QueueFull) throw overloaded();
      throw error instanceof DeadlineExceeded ? admission.timedOut() : error;
    });
  };
}
