import { addRoute } from "../../http/add-route.ts";
import type { StreamedBody } from "../../http/body.ts";
import type { Principal } from "../../http/principal.ts";
import { PROBLEMS } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import type { Serving } from "../../http/serving.ts";
import { validTraceparent } from "../../http/traceparent.ts";
import { answerOnce } from "./answer-once.ts";
import { eventSchema, takenSchema } from "./event-schema.ts";
import { observeBody } from "./observed-body.ts";
import { EVENT_PROBLEMS, GATEWAY_PROBLEMS } from "./problems.ts";
import { EVENT_TYPE } from "./quarantined-event.ts";
import type { GatewayService } from "./service.ts";
import { MAX_EVENT_BYTES, takeEvent } from "./take-event.ts";

export const EVENTS_PATH = "/v1/events";

/** The scope that posts events. */
export const EVENTS_WRITE = "events:write";

/** The sender of events that are posted without a key. No key can have this name, and none of the index's own events has it. */
const NO_KEY = "(none)";

/** Returns the sender of what a principal posts. */
export function eventSender({ key }: Pick<Principal, "key">): string {
  return key ?? NO_KEY;
}

/** The route itself checks the size, so that the start of a body that is too large is kept in quarantine. */
const BODY: StreamedBody = { content: { "application/json": eventSchema }, maxBytes: Number.MAX_SAFE_INTEGER };

const DESCRIPTION = `Takes one event: any JSON object with an \`id\`, of at most ${MAX_EVENT_BYTES} bytes, plain or with
\`Content-Encoding: gzip\`. Its text is delivered as it is. Once this answers with 200 or 202 the event is on disk, and is
delivered to each destination that is told of it: a sender may forget it. 202: it is in the journal, and is recorded once the
database takes it. An event is identified by sender and \`id\`: the same data again is \`known\`, other data are kept beside the
first as a \`conflict\`, and are not delivered. Both are answered with 200, since nothing is gained by sending them once more.
Numbers that a double cannot hold exactly are refused. A \`traceparent\` goes with the event.`.replaceAll("\n", " ");

const EXAMPLE = { id: "17", status: "new" };

/** Adds `POST /v1/events`. */
export function addPostEvent(app: ApiApp, serving: Serving<"read" | "write">, service: GatewayService): void {
  addRoute(
    app,
    serving,
    {
      method: "post",
      path: EVENTS_PATH,
      tag: "Events",
      operationId: "postEvent",
      summary: "Post an event",
      description: DESCRIPTION,
      scope: EVENTS_WRITE,
      admission: "write",
      body: BODY,
      answers: {
        200: { description: "The event is recorded", schema: takenSchema, example: EXAMPLE },
        202: {
          description: "The event is in the journal",
          schema: takenSchema,
          example: { ...EXAMPLE, status: "journalled" },
        },
      },
      problems: [PROBLEMS["invalid-body"], EVENT_PROBLEMS["invalid-event"], ...Object.values(GATEWAY_PROBLEMS)],
    },
    async ({ principal, body }, c) => {
      const sender = eventSender(principal);
      const traceparent = validTraceparent(c.req.header("traceparent"));
      const posting = { sender, traceparent, receivedAt: service.now() };
      // A key that came with trades before is of another request.
      const observed = observeBody(body.bytes, EVENT_TYPE);
      const answer = () => takeEvent(service, observed, posting);
      return answerOnce(service, c.req.header("Idempotency-Key"), sender, observed, answer);
    },
  );
}
