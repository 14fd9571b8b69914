import type { Micros } from "../canonical/time.ts";
import type { OutgoingEvent, Sent } from "./sender.ts";
import type { Reading } from "./status.ts";
import type { Answer } from "./transport/post.ts";

/** What a type of destination is: how an event is written as a request, and how an answer is read. Pure. */
export interface Protocol {
  /** @throws Unmappable, InvalidJson where the event cannot be written */
  readonly request: (
    event: OutgoingEvent,
    deliveryId: string,
    now: Micros,
  ) => { readonly headers: Readonly<Record<string, string>>; readonly body: string };
  readonly read: (answer: Answer, reading: Reading) => Sent;
}
