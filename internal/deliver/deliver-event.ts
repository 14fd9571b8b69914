import { setTimeout as sleep } from "node:timers/promises";
import { PermanentFailure, RetryLater, Throttled } from "../../sdk/worker/src/failures.ts";
import { asError } from "../lib/as-error.ts";
import { makeBatcher } from "../lib/batcher.ts";
import type { Database } from "../storage/connection/database.ts";
import type { LeasedJob } from "../storage/control/claim.ts";
import { pause } from "../storage/control/pauses.ts";
import { type AttemptNote, noteOf } from "../storage/events/attempt-note.ts";
import type { DeliveryPayload } from "../storage/events/deliveries.ts";
import { readEvents, type StoredEvent } from "../storage/events/read-events.ts";
import type { ReadArchived } from "./archive/read-archived.ts";
import { attemptEnded, deliverFailed, destinationDown, destinationGone, eventDelivered } from "./events.ts";
import { isDown, nextOutage, type Outage, UP } from "./outage.ts";
import type { Send, Sent } from "./sender.ts";

/** A destination as it is delivered to. */
export interface Receiver {
  readonly send: Send;
  /** Waits after the first failed attempt, the second, and so on, in seconds; one attempt more than waits. */
  readonly retrySeconds: readonly number[];
  /** Deliveries at once. */
  readonly concurrency: number;
}

/** What deliveries work with. */
export interface DeliveryParts {
  readonly database: Database;
  readonly tenant: string;
  readonly receivers: ReadonlyMap<string, Receiver>;
  /** What is known of each destination; it is kept while receivers are replaced. */
  readonly outages: Map<string, Outage>;
  /** Reads the data of events that are in the archive only: deliveries of them are redriven, or replayed. */
  readonly readArchived: ReadArchived;
  /** Microseconds since the epoch. */
  readonly now: () => bigint;
  /** Seconds on a monotonic clock. */
  readonly stopwatch: () => number;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
}

/** A destination that is not configured here may be so in a process of another version, or soon. */
const UNKNOWN_RETRY_SECONDS = 60;
/** An event that could not be read is read again after so long. */
const READ_AGAIN_MS = 1000;
/** A wait is lengthened by up to this part, so that what failed together is not repeated together. */
const JITTER = 0.2;

/**
 * Returns the work of a job that delivers an event: what it returns, or throws, ends the attempt. Attempts that the receiver
 * answers with a wait are not counted, nor those while it is down, as long as the whole schedule of waits has not passed.
 */
export function makeDeliverEvent(
  parts: DeliveryParts,
): (job: LeasedJob, signal: AbortSignal) => Promise<Readonly<Record<string, unknown>>> {
  const { database, tenant, receivers, outages, readArchived, now, stopwatch, random } = parts;
  const load = makeBatcher(async (sequences: readonly bigint[]): Promise<(StoredEvent | null)[]> => {
    const found = await readEvents(database.sql, tenant, sequences);
    return sequences.map((sequence) => found.get(sequence) ?? null);
  });
  /** Notes how an attempt ended; returns for how many seconds the destination is left alone, null where it is not down for it. */
  function waitOf(destination: string, sent: Sent): number | null {
    const before = outages.get(destination) ?? UP;
    const outage = nextOutage(before, sent, stopwatch());
    if (outage === before) return null;
    outages.set(destination, outage);
    if (isDown(outage) !== isDown(before)) destinationDown.publish({ destination, isDown: isDown(outage) });
    return isDown(outage) ? Math.max(0, outage.until - stopwatch()) : null;
  }

  return async (job, signal) => {
    const { event: sequence, destination } = job.payload as DeliveryPayload;
    const receiver = receivers.get(destination);
    if (receiver === undefined) {
      const retryAfterSeconds = UNKNOWN_RETRY_SECONDS;
      throw new Throttled(`no [[deliveries]] has the name ${destination}`, { retryAfterSeconds, usesAttempt: false });
    }
    const event = await loadEvent(BigInt(sequence), signal);
    if (event === null) throw new PermanentFailure("the event is no longer on record");
    const attempt = countedAttempt(job);
    const body = event.body ?? (await archivedBody(event, receiver, attempt));
    const startedAt = stopwatch();
    const sent = await receiver.send({ ...event, body }, attempt, signal);
    const seconds = stopwatch() - startedAt;
    const wait = waitOf(destination, sent);
    const isStopped = signal.aborted && sent.outcome !== "delivered";
    attemptEnded.publish({ destination, ...sent, outcome: isStopped ? "stopped" : sent.outcome, seconds });
    if (sent.outcome === "delivered") {
      eventDelivered.publish({ destination, seconds: Number(now() - event.recordedAt) / 1e6 });
      return JSON.parse(noteOf(sent, seconds)) as AttemptNote & Record<string, unknown>;
    }
    signal.throwIfAborted();
    const note = noteOf(sent, seconds);
    const age = Number(now() - event.recordedAt) / 1e6;
    if (wait !== null && age < receiver.retrySeconds.reduce((sum, each) => sum + each, 0)) {
      throw new Throttled(note, { status: sent.status, retryAfterSeconds: wait, usesAttempt: false });
    }
    throw await failureOf(sent, note, destination, receiver, attempt);
  };

  /** Waits for a database that does not answer: that is no attempt of the destination's. @throws where the signal aborts */
  async function loadEvent(sequence: bigint, signal: AbortSignal): Promise<StoredEvent | null> {
    for (;;) {
      try {
        return await load(sequence);
      } catch (error) {
        deliverFailed.publish({ call: "read", error: asError(error) });
        await sleep(READ_AGAIN_MS, undefined, { signal });
      }
    }
  }

  async function archivedBody(event: StoredEvent, receiver: Receiver, attempt: number): Promise<string> {
    try {
      return await readArchived(event);
    } catch (error) {
      throw retryOf(asError(error).message, "archive_unreadable", receiver, attempt);
    }
  }

  function retryOf(message: string, reason: string, { retrySeconds }: Receiver, attempt: number): RetryLater {
    const seconds = retrySeconds[Math.min(attempt, retrySeconds.length) - 1] ?? 0;
    return new RetryLater(message, { retrySeconds: seconds * (1 + JITTER * random()), reason });
  }

  async function failureOf(
    { outcome, status, reason, retryAfterSeconds }: Sent,
    note: string,
    destination: string,
    receiver: Receiver,
    attempt: number,
  ): Promise<Error> {
    if (outcome === "throttled") return new Throttled(note, { status, retryAfterSeconds, usesAttempt: false });
    if (outcome === "gone") {
      const why = `${destination} answered with ${status ?? "an error"}: it is gone for good`;
      const target = { scope: "source", name: destination } as const;
      const isNew = await pause(database.sql, { tenant, name: "deliver", reason: why, ticket: null }, target);
      if (isNew) destinationGone.publish({ destination });
      return new Throttled(note, { status, usesAttempt: false });
    }
    return retryOf(note, reason ?? "error", receiver, attempt);
  }
}

/** Returns which of the attempts that count this one is, from 1: each that does not has lengthened the limit by one. */
function countedAttempt({ attempt, maxAttempts, payload }: LeasedJob): number {
  return Math.max(1, (payload as DeliveryPayload).attempts - (maxAttempts - attempt));
}
