import { z } from "@hono/zod-openapi";
import { DELIVERY_STATES } from "../../storage/events/delivery-state.ts";
import { ATTEMPT_OUTCOMES } from "../../storage/events/trace.ts";

/** An event as it is posted, for the documentation: `readEvent` checks it. */
export const eventSchema = z
  .looseObject({
    id: z
      .union([z.string(), z.int()])
      .openapi({ description: "with the sender, its identity: 1 to 256 characters, or a whole number", example: "17" }),
    type: z.string().optional().openapi({
      description: "by which destinations choose; default: event.posted. Not one of the index's own, such as price.*",
      example: "order.created",
    }),
    pair: z.string().optional().openapi({
      description: "the pair that it is about, by which destinations choose; ignored where it is no pair",
      example: "XLM/USD",
    }),
  })
  .openapi("Event");

export const EVENT_STATUSES = ["new", "known", "conflict", "journalled"] as const;

/** What becomes of an event; rejected: it cannot be recorded as it is. */
export const ANSWERED_STATUSES = [...EVENT_STATUSES, "rejected"] as const;
export type AnsweredStatus = (typeof ANSWERED_STATUSES)[number];

export const takenSchema = z
  .object({
    id: z.string(),
    status: z.enum(EVENT_STATUSES).openapi({
      description:
        "new: recorded. known: it was recorded before, with the same data. conflict: it was recorded before with other data, " +
        "which stay; these are kept beside them. journalled: on disk, and recorded once the database takes it",
    }),
  })
  .openapi("TakenEvent");

const time = (description: string) => z.string().openapi({ description, example: "2026-08-09T22:30:00.123456Z" });
const nullableTime = (description: string) => z.string().nullable().openapi({ description });

const attemptSchema = z.object({
  attempt: z.int(),
  started_at: time("when"),
  outcome: z.enum(ATTEMPT_OUTCOMES).openapi({
    description:
      "sending: under way. throttled: the receiver asked for fewer requests. retry: it failed, and is made again. " +
      "lost: its process ended without a word",
  }),
  status: z.int().nullable().openapi({ description: "HTTP status; null where there was no answer" }),
  latency_ms: z.int().nullable(),
  reason: z.string().nullable().openapi({ description: "a stable code" }),
  detail: z.string().nullable(),
});

const deliverySchema = z.object({
  destination: z.string(),
  state: z.enum(DELIVERY_STATES).openapi({
    description:
      "waiting: for an earlier event of its key. pending: until its next try. paused: `paused_reason` says why. " +
      "dead: attempts are used up. failed: another attempt would fail as well",
  }),
  paused_reason: z.string().nullable(),
  attempts_made: z.int(),
  next_try_at: nullableTime("null where nothing is to be tried"),
  job_id: z.string().openapi({ description: "of the control plane" }),
  attempts: z.array(attemptSchema).openapi({ description: "the latest, the oldest of them first" }),
});

export const traceSchema = z
  .object({
    id: z.string(),
    sender: z.string().openapi({ description: "the name of the API key that posted it; empty for the index's own" }),
    type: z.string(),
    pair: z.string().nullable(),
    received_at: time("when it reached the gateway"),
    recorded_at: time("when it was recorded, with its deliveries"),
    traceparent: z.string().nullable(),
    conflicts: z.int().openapi({ description: "how often it came again with other data, each counted once" }),
    is_archived: z.boolean().openapi({ description: "whether only the archive has its data" }),
    destinations: z.array(deliverySchema),
  })
  .openapi("EventTrace");

export type TraceDocument = z.output<typeof traceSchema>;
