import type { Micros } from "../../canonical/time.ts";
import { receiveWhole } from "../../http/body.ts";
import { PROBLEMS, Problem } from "../../http/problem.ts";
import { NotDurable } from "../durable-writes.ts";
import type { Answer } from "./answer-once.ts";
import type { AnsweredStatus } from "./event-schema.ts";
import { eventAnswered, writeRefused } from "./events.ts";
import type { ObservedBody } from "./observed-body.ts";
import { EVENT_PROBLEMS } from "./problems.ts";
import { EVENT_TYPE } from "./quarantined-event.ts";
import { invalidEvent, readEvent } from "./read-event.ts";
import { refusalOf } from "./refusal.ts";
import type { GatewayService } from "./service.ts";

/** Of its JSON: what is told to receivers is to be small. */
export const MAX_EVENT_BYTES = 262_144;

/** What is known of a posted event beside its body. */
export interface Posting {
  readonly sender: string;
  readonly traceparent: string | null;
  readonly receivedAt: Micros;
}

/**
 * Makes an event durable, and returns the answer. What is no event is kept in quarantine: its sender may never come back.
 * @throws Problem where it is none; NotDurable
 */
export async function takeEvent(service: GatewayService, observed: ObservedBody, posting: Posting): Promise<Answer> {
  try {
    const event = { ...readEvent(await receiveWhole(observed, MAX_EVENT_BYTES)), ...posting };
    const results = await service.events.write([event], service.deadlines.request);
    const result = results === null ? null : results[0];
    if (result?.status === "rejected") throw invalidEvent([{ pointer: "", detail: result.reason }]);
    return answerOf(event.id, result?.status ?? "journalled");
  } catch (error) {
    if (error instanceof NotDurable) writeRefused.publish({ reason: refusalOf(error), error });
    if (error instanceof Problem && KEPT.has(error.kind)) {
      eventAnswered.publish({ status: "rejected" });
      const { message: reason } = error;
      await service.keep({
        ...{ kind: "malformed", sender: posting.sender, reason, contentType: EVENT_TYPE },
        ...observed.start(),
      });
    }
    throw error;
  }
}

const KEPT = new Set([
  PROBLEMS["malformed-body"],
  PROBLEMS["body-too-large"],
  PROBLEMS["invalid-body"],
  EVENT_PROBLEMS["invalid-event"],
]);

function answerOf(id: string, status: Exclude<AnsweredStatus, "rejected">): Answer {
  eventAnswered.publish({ status });
  return { status: status === "journalled" ? 202 : 200, answer: JSON.stringify({ id, status }) };
}
