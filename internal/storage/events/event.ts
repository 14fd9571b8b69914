import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import type { Micros } from "../../canonical/time.ts";

/** The tenant whose events are recorded over HTTP. */
export const EVENTS_TENANT = "default";

/** The form of types, which the table checks, too. */
export const EVENT_TYPE_FORM = /^[a-z][a-z0-9_.-]{0,62}$/;

/** The type of an event that is posted without one. */
export const POSTED_TYPE = "event.posted";

/** How types of the index's own events begin. */
export const OWN_TYPES: readonly string[] = ["price.", "divergence.", "source.", "coverage.", "incident."];

/** An event to record. */
export interface NewEvent {
  /** The name of the API key that posted it; empty for the index's own. */
  readonly sender: string;
  /** 1 to 256 characters; with the sender, its identity. */
  readonly id: string;
  /** Such as price.published. */
  readonly type: string;
  /** The pair that it is about, in canonical form; null for none. */
  readonly pair: string | null;
  /** Its data: the text of a JSON object, whose numbers are doubles. */
  readonly body: string;
  /** W3C trace context; null for none. */
  readonly traceparent: string | null;
  readonly receivedAt: Micros;
}

/** Returns the SHA-256 of an event's data in canonical form (RFC 8785). */
export function digestOf({ body }: Pick<NewEvent, "body">): Buffer {
  return createHash("sha256")
    .update(canonicalize(JSON.parse(body)) ?? "")
    .digest();
}
