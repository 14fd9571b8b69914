import type { NewEvent } from "../../storage/events/event.ts";
import type { Quarantined } from "../../storage/ingest/quarantine.ts";

/** The content type of an event's body in quarantine, which tells it from a body of trades. */
export const EVENT_TYPE = "application/vnd.stellarindex.event+json";

/** Returns an acknowledged event that the database refuses, as quarantine keeps it. */
export function quarantinedEvent({ sender, body }: NewEvent, reason: string): Quarantined {
  return { kind: "refused", sender, reason, content: Buffer.from(body), contentType: EVENT_TYPE, isCut: false };
}
