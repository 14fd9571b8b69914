import type { Micros } from "../../canonical/time.ts";
import { asError } from "../../lib/as-error.ts";
import type { Database } from "../../storage/connection/database.ts";
import type { NewEvent } from "../../storage/events/event.ts";
import { ownEventId } from "../../storage/events/own-events.ts";
import { deliverFailed } from "../events.ts";

/** What every watcher needs. */
export interface WatcherParts {
  readonly database: Database;
  /** Whose events they are. */
  readonly tenant: string;
  /** Records events, in order; after an error the same ones are given again. */
  readonly record: (events: readonly NewEvent[]) => Promise<void>;
  readonly now: () => Micros;
}

/** An own event, as a watcher makes it. */
export interface OwnEvent extends Pick<NewEvent, "type" | "pair" | "body"> {
  /** What it is about. */
  readonly thing: string;
  /** When it happened; with the thing, its identity. */
  readonly at: string;
}

/** Returns an event of the index's own to record. */
export function newOwnEvent({ type, pair, body, thing, at }: OwnEvent, receivedAt: Micros): NewEvent {
  return { sender: "", id: ownEventId(thing, at), type, pair, body, traceparent: null, receivedAt };
}

/** Reports what kept a watcher from its work; it goes on with the next pass. */
export function watchFailed(error: unknown): void {
  deliverFailed.publish({ call: "watch", error: asError(error) });
}
