import { z } from "@hono/zod-openapi";
import { addRoute } from "../../http/add-route.ts";
import { Problem } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import { SECURE_HEADERS } from "../../http/secure-headers.ts";
import type { Serving } from "../../http/serving.ts";
import { traceSchema } from "./event-schema.ts";
import { EVENTS_PATH, eventSender } from "./post-event.ts";
import { EVENT_PROBLEMS } from "./problems.ts";
import type { GatewayService } from "./service.ts";
import { traceDocument } from "./trace-document.ts";

/** The scope that sees events: those of the sender, or with {@link EVENTS_READ_ANY} those of all. */
export const EVENTS_READ = "events:read";
export const EVENTS_READ_ANY = "events:read:*";

const params = z.object({ id: z.string().openapi({ description: "of the event", example: "17" }) });
const query = z.strictObject({
  sender: z.string().optional().openapi({
    description: "whose event it is; empty for the index's own. Needed where several senders have this id",
  }),
});

const DESCRIPTION =
  `Shows where an event is: when it was received and recorded, and each destination with its attempts. A key with
\`events:read\` sees the events of every sender; one with \`events:write\` alone sees its own. An event that was answered
with 202 is found once it is recorded.`.replaceAll("\n", " ");

const EXAMPLE = {
  ...{ id: "17", sender: "board", type: "event.posted", pair: null, received_at: "2026-08-09T22:30:00.123456Z" },
  ...{ recorded_at: "2026-08-09T22:30:00.125Z", traceparent: null, conflicts: 0, is_archived: false },
  destinations: [
    {
      ...{ destination: "crm", state: "delivered", paused_reason: null, attempts_made: 1, next_try_at: null },
      job_id: "4711",
      attempts: [
        {
          ...{ attempt: 1, started_at: "2026-08-09T22:30:00.130Z", outcome: "delivered", status: 200, latency_ms: 21 },
          ...{ reason: null, detail: null },
        },
      ],
    },
  ],
};

/** Adds `GET /v1/events/{id}`. */
export function addGetEvent(app: ApiApp, serving: Serving<"read">, service: GatewayService): void {
  addRoute(
    app,
    serving,
    {
      method: "get",
      path: `${EVENTS_PATH}/{id}`,
      tag: "Events",
      operationId: "getEvent",
      summary: "Show the way of an event",
      description: DESCRIPTION,
      scope: EVENTS_READ,
      admission: "read",
      params,
      query,
      answers: { 200: { description: "The way of the event", schema: traceSchema, example: EXAMPLE } },
      problems: [EVENT_PROBLEMS["event-not-found"], EVENT_PROBLEMS["event-ambiguous"]],
    },
    async ({ principal, params: { id }, query: { sender } }) => {
      const own = eventSender(principal);
      const isAny = principal.scopes.includes(EVENTS_READ_ANY);
      // Whether others have an event with this id is not this sender's business.
      const isHidden = !isAny && sender !== undefined && sender !== own;
      const traces = isHidden ? [] : await service.traces(id, isAny ? (sender ?? null) : own);
      const shown = JSON.stringify(id);
      const [trace] = traces;
      if (trace === undefined) {
        throw new Problem(
          EVENT_PROBLEMS["event-not-found"],
          `there is no event ${shown}; one that was answered with 202 is found once it is recorded`,
        );
      }
      if (traces.length > 1) {
        const senders = traces.map((each) => each.sender || "the index itself").join(", ");
        throw new Problem(
          EVENT_PROBLEMS["event-ambiguous"],
          `several senders have an event ${shown}: ${senders}; name one of them with ?sender=`,
        );
      }
      return Response.json(traceDocument(trace), { headers: { "Cache-Control": "no-store", ...SECURE_HEADERS } });
    },
  );
}
