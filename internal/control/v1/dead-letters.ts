import { z } from "@hono/zod-openapi";
import { formatTime } from "../../canonical/time.ts";
import { Problem } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import { type DeadLetter, listDeadLetters, redriveDeadLetters } from "../../storage/control/dead-letters.ts";
import { addAction } from "./action.ts";
import type { ControlService } from "./context.ts";
import { confirmField, hostField, idField, limitField, nameField, pageFrom, pageOf } from "./fields.ts";
import { CONTROL_PROBLEMS } from "./problems.ts";
import { addControlRoute } from "./route.ts";

const TAG = "Dead letters";

const letterSchema = z
  .object({
    job_id: z.string(),
    kind: z.string(),
    source: z.string(),
    host: z.string(),
    attempt: z.int(),
    reason: z.string().openapi({ description: "a stable code" }),
    message: z.string().nullable(),
    died_at: z.string(),
  })
  .openapi("DeadLetter");
const page = pageOf(letterSchema).openapi("DeadLetters");
const EXAMPLE = {
  job_id: "17",
  kind: "retention.prune",
  source: "",
  host: "",
  attempt: 5,
  reason: "error",
  message: "connection reset",
  died_at: "2026-08-09T22:30:00Z",
};

const code = nameField(64);
const filterSchema = z
  .strictObject({
    kind: nameField(63).nullable().default(null),
    host: hostField.nullable().default(null),
    reason: code.nullable().default(null).openapi({ description: "the code that the dead letters have" }),
  })
  .refine((filter) => Object.values(filter).some((part) => part !== null), "names neither kind, host nor reason")
  .openapi("DeadLetterFilter");

/** Adds the routes of dead letters. */
export function addDeadLettersRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/dead-letters",
      tag: TAG,
      operationId: "listDeadLetters",
      summary: "Dead letters, newest jobs first",
      description: "Lists the jobs that ended dead and were not redriven. `next` is the `cursor` of the next page.",
      scope: "control:read",
      query: z.strictObject({
        kind: nameField(63).optional(),
        host: hostField.optional(),
        reason: code.optional(),
        limit: limitField,
        cursor: idField.optional(),
      }),
      answer: page,
      example: { data: [EXAMPLE], next: null },
    },
    async ({ tenant, query: { kind = null, host = null, reason = null, limit, cursor = null } }) => {
      const filter = { kind, host, reason };
      const letters = await listDeadLetters(sql, tenant, { filter, before: cursor, limit: limit + 1 });
      return pageFrom(letters, limit, ({ jobId }) => String(jobId), shown);
    },
  );
  addAction(
    app,
    service,
    {
      path: "/dead-letters/redrive",
      tag: TAG,
      operationId: "redriveDeadLetters",
      summary: "Runs dead letters again",
      description:
        "Runs the jobs again that match, at most ten thousand in one call, the oldest first; they become due one after another. With `dry_run` they are counted only.",
      scope: "control:operate",
      fields: {
        filter: filterSchema,
        per_minute: z.number().min(0.01).max(60_000).default(60),
        dry_run: z.boolean().default(false),
        confirm: confirmField,
      },
      answer: z.object({ matching: z.int(), redriven: z.int() }),
      example: { matching: 12, redriven: 12 },
      problems: [CONTROL_PROBLEMS.unconfirmed],
    },
    async (actor, _params, { filter, per_minute, dry_run, confirm }) => {
      const redrive = { filter, perMinute: per_minute };
      if (!dry_run && !confirm) {
        const { matching } = await redriveDeadLetters(sql, actor, { ...redrive, isDryRun: true });
        const detail = `this runs ${matching} jobs again; send "confirm": true to do it`;
        throw new Problem(CONTROL_PROBLEMS.unconfirmed, detail);
      }
      return redriveDeadLetters(sql, actor, { ...redrive, isDryRun: dry_run });
    },
  );
}

function shown({ jobId, diedAt, ...letter }: DeadLetter) {
  return { job_id: String(jobId), ...letter, died_at: formatTime(diedAt) };
}
