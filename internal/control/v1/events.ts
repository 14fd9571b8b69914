import type { IncomingMessage } from "node:http";
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { addRoute } from "../../http/add-route.ts";
import { PROBLEMS, Problem, temporaryProblem } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import { SECURE_HEADERS } from "../../http/secure-headers.ts";
import { HEARTBEAT_SECONDS } from "../stream/channel.ts";
import type { ControlService } from "./context.ts";
import { CONTROL_BASE } from "./route.ts";

/** A connection on which so many heartbeats were not read is dead. */
const LOST_HEARTBEATS = 3;
const POSITION = /^(?:0|[1-9]\d{0,17})$/;

const stream = z.string().openapi({
  description: "events; see the description of the route",
});

/** Adds the stream of events. */
export function addEventRoutes(app: ApiApp, { serving, events }: ControlService): void {
  addRoute<"read">(
    app,
    serving,
    {
      method: "get",
      path: `${CONTROL_BASE}/events`,
      tag: "Events",
      operationId: "followEvents",
      summary: "What happens, as it happens",
      description:
        "A stream of Server-Sent Events: `transition` (a job changed its state), `incident` and `throttle` (began, changed or is over; those that there are come first) and `resync`. `id` is a position in the history of transitions: sent as `Last-Event-ID`, the stream goes on after it, and nothing is left out; what came shortly before may come again, with the same `entry_id`. `resync` says that something was left out: the reader was too slow, and the stream ends, or history no longer has the position, and the stream goes on from now. Read the lists anew then. A comment every 15 seconds keeps the connection alive.",
      scope: "control:read",
      admission: "read",
      answers: {
        200: {
          description: "The events",
          schema: stream,
          contentType: "text/event-stream",
          example: "event: resync\n",
        },
      },
      problems: [],
    },
    ({ principal: { tenant } }, c) => {
      if (tenant === null) throw new Error("a request without a tenant reached the events");
      const after = positionOf(c.req.header("Last-Event-ID"));
      const body = events.join(tenant, after);
      if (body === null) throw temporaryProblem(PROBLEMS.overloaded, "too many readers of events");
      keepOpen(c);
      const headers = { "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no" };
      return new Response(body, { headers: { ...headers, ...SECURE_HEADERS } });
    },
  );
}

/** @throws Problem where it is no position */
function positionOf(header: string | undefined): bigint | null {
  if (header === undefined || header === "") return null;
  if (POSITION.test(header)) return BigInt(header);
  const errors = [{ parameter: "Last-Event-ID", detail: "is no position in the history" }];
  throw new Problem(PROBLEMS["invalid-query"], "Last-Event-ID: is no position in the history", { errors });
}

/**
 * The server ends connections that are silent for longer than an answer takes. One with events is silent between heartbeats; the
 * server's own limit is in force again with the connection's next request.
 */
function keepOpen(c: Context): void {
  const { incoming } = (c.env ?? {}) as { readonly incoming?: IncomingMessage };
  incoming?.socket.setTimeout(LOST_HEARTBEATS * HEARTBEAT_SECONDS * 1000);
}
