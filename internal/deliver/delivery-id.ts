import { createHash } from "node:crypto";
import type { OutgoingEvent } from "./sender.ts";

/**
 * Returns the id of an event's delivery to a destination: the same at each attempt and at a replay, so that the receiver
 * recognises a repeat. It depends on the sender, the event's id and the destination, and has no dot, which Standard Webhooks
 * separates what is signed by.
 */
export function deliveryIdOf(destination: string, { sender, id }: Pick<OutgoingEvent, "sender" | "id">): string {
  const named = JSON.stringify([destination, sender, id]);
  return `msg_${createHash("sha256").update(named).digest("hex").slice(0, 32)}`;
}
