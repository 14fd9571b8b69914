import { z } from "@hono/zod-openapi";
import { invalidBody } from "../../http/body.ts";
import type { ApiApp } from "../../http/route.ts";
import { TRACEPARENT } from "../../http/traceparent.ts";
import { retryConflicts } from "../../storage/connection/conflicts.ts";
import { inTransaction, READ_COMMITTED } from "../../storage/connection/transaction.ts";
import type { Actor } from "../../storage/control/audit.ts";
import { cancelJobs, prioritizeJobs, retryJobs } from "../../storage/control/job-actions.ts";
import { submitJob } from "../../storage/control/submit.ts";
import type { Kind } from "../kind.ts";
import { InvalidPayload } from "../kinds/define-kind.ts";
import { findKind } from "../kinds/kinds.ts";
import type { ControlService } from "./context.ts";
import { feedField, hostField, idField, nameField, reasonFields, sourceField, timeField } from "./fields.ts";
import { CONTROL_PROBLEMS } from "./problems.ts";
import { addControlRoute } from "./route.ts";
import { kindField } from "./work-fields.ts";

const TAG = "Jobs";

/** The ledger's own jobs have keys that begin so: those of schedules' ticks and of runs' windows. */
const OWN_KEY = /^(schedule|run):/;
const keyField = nameField(256).refine(
  (key) => !OWN_KEY.test(key),
  "begins with schedule: or run:, which are the ledger's own keys; begin it in another way",
);

const newJobSchema = z
  .strictObject({
    kind: kindField,
    payload: z.unknown().default({}),
    priority: z.int().min(0).max(9).default(5),
    source: z.union([z.literal(""), sourceField]).default(""),
    host: z.union([z.literal(""), hostField]).default(""),
    feed: feedField.nullable().default(null),
    run_at: timeField.nullable().default(null),
    max_attempts: z.int().min(1).max(1000).default(5),
    idempotency_key: keyField.nullable().default(null),
    needs: z.array(idField).max(1000).default([]),
    traceparent: z.string().regex(TRACEPARENT, "is no W3C traceparent").nullable().default(null),
  })
  .openapi("NewJob");

const submittedSchema = z
  .object({
    job_id: z.string(),
    is_new: z.boolean().openapi({ description: "false where a job with the same idempotency key had not ended" }),
    is_built_in: z.boolean().openapi({ description: "false where no worker of the program does jobs of this kind" }),
  })
  .openapi("SubmittedJob");

const actionSchema = z.strictObject({ jobs: z.array(idField).min(1).max(1000), ...reasonFields }).openapi("JobAction");
const prioritizeSchema = actionSchema.extend({ priority: z.int().min(0).max(9) }).openapi("JobPriority");
const changedSchema = z.object({ changed: z.array(z.string()), unchanged: z.array(z.string()) }).openapi("ChangedJobs");
const cancelledSchema = changedSchema
  .extend({
    left_blocked: z.int().openapi({
      description: "jobs that need one of these, also through others: they stay blocked until these are retried",
    }),
  })
  .openapi("CancelledJobs");

/** Adds the routes that submit and change jobs. */
export function addJobChangeRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: "/jobs",
      tag: TAG,
      operationId: "submitJob",
      summary: "Submits a job",
      description:
        "Submits a job. While a job with the same `idempotency_key` has not ended, its id is answered, and no job is made.",
      scope: "control:operate",
      body: newJobSchema,
      answer: submittedSchema,
      example: { job_id: "17", is_new: true, is_built_in: true },
      problems: [CONTROL_PROBLEMS.refused],
    },
    async ({ tenant, body }) => {
      const kind = findKind(body.kind);
      if (kind !== null) requireValid(kind, body.payload);
      const job = {
        kind: body.kind,
        payload: body.payload,
        priority: body.priority,
        source: body.source,
        host: body.host,
        feed: body.feed,
        runId: null,
        runAt: body.run_at,
        maxAttempts: body.max_attempts,
        idempotencyKey: body.idempotency_key,
        needs: body.needs,
        traceparent: body.traceparent,
      };
      const { jobId, isNew } = await retryConflicts(() =>
        inTransaction(sql, READ_COMMITTED, (transaction) => submitJob(transaction, tenant, job)),
      );
      return { job_id: String(jobId), is_new: isNew, is_built_in: kind !== null };
    },
  );
  addJobAction(app, service, "retry", {
    summary: "Retries jobs",
    description: "Runs jobs again that failed, died or were cancelled.",
    body: actionSchema,
    act: async (actor, { jobs }) => changesOf(jobs, await retryJobs(sql, actor, jobs)),
  });
  addJobAction(app, service, "prioritize", {
    summary: "Moves jobs to another priority",
    description: "Moves jobs that have not ended to the end of the line of a priority. One that has it is unchanged.",
    body: prioritizeSchema,
    act: async (actor, { jobs, priority }) => changesOf(jobs, await prioritizeJobs(sql, actor, jobs, priority)),
  });
  addJobAction(app, service, "cancel", {
    summary: "Cancels jobs",
    description: "Cancels jobs that have not ended; a running one is aborted.",
    body: actionSchema,
    answer: cancelledSchema,
    example: { changed: ["17"], unchanged: [], left_blocked: 0 },
    act: async (actor, { jobs }) => {
      const { cancelled, leftBlocked } = await cancelJobs(sql, actor, jobs);
      return { ...changesOf(jobs, cancelled), left_blocked: leftBlocked };
    },
  });
}

interface JobAction<Body extends z.ZodType> {
  readonly summary: string;
  readonly description: string;
  readonly body: Body;
  readonly answer?: z.ZodType;
  readonly example?: unknown;
  readonly act: (actor: Actor, body: z.output<Body>) => Promise<unknown>;
}

function addJobAction<Body extends typeof actionSchema>(
  app: ApiApp,
  service: ControlService,
  verb: "cancel" | "retry" | "prioritize",
  { summary, description, body, answer = changedSchema, example, act }: JobAction<Body>,
): void {
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: `/jobs/${verb}`,
      tag: TAG,
      operationId: `${verb}Jobs`,
      summary,
      description: `${description} The audit log keeps who did it, and why.`,
      scope: "control:operate",
      body,
      answer,
      example: example ?? { changed: ["17"], unchanged: [] },
    },
    ({ tenant, actor, body: given }) => {
      const { reason, ticket } = given;
      return act({ tenant, name: actor, reason, ticket }, given);
    },
  );
}

function changesOf(asked: readonly bigint[], changed: readonly bigint[]) {
  return {
    changed: changed.map(String),
    unchanged: asked.filter((id) => !changed.includes(id)).map(String),
  };
}

function requireValid(kind: Kind, payload: unknown): void {
  try {
    kind.prepare(payload);
  } catch (error) {
    throw error instanceof InvalidPayload ? invalidBody(error.error, ["payload"]) : error;
  }
}
