import type { Micros } from "../canonical/time.ts";

/** An event on its way. */
export interface OutgoingEvent {
  /** The order of recording. */
  readonly sequence: bigint;
  readonly id: string;
  readonly type: string;
  /** The name of the key that posted it; empty for the index's own. */
  readonly sender: string;
  readonly pair: string | null;
  /** The exact JSON text of its data, an object. */
  readonly body: string;
  readonly recordedAt: Micros;
  readonly traceparent: string | null;
}

/** What became of an attempt. */
export interface Sent {
  readonly outcome: "delivered" | "retry" | "throttled" | "gone";
  /** HTTP status; null where there was no answer. */
  readonly status: number | null;
  /** A stable code of the failure. */
  readonly reason: string | null;
  /** In words, without secrets. */
  readonly detail: string | null;
  readonly retryAfterSeconds: number | null;
}

/** Sends an event to a destination. It does not throw for what a receiver does. */
export type Send = (event: OutgoingEvent, attempt: number, signal: AbortSignal) => Promise<Sent>;
