import { z } from "@hono/zod-openapi";
import { formatTime } from "../../canonical/time.ts";
import { Problem } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import { readJobFacts } from "../../storage/control/job-facts.ts";
import {
  JOB_STATES,
  type JobDetails,
  type JobState,
  type JobSummary,
  listJobs,
  readJob,
} from "../../storage/control/read-jobs.ts";
import { type Obstacle, obstaclesOf } from "../why.ts";
import type { ControlService } from "./context.ts";
import { idField, limitField, nameField, pageFrom, pageOf, shownTime } from "./fields.ts";
import { CONTROL_PROBLEMS } from "./problems.ts";
import { addControlRoute } from "./route.ts";

const TAG = "Jobs";

/** A job as lists show it, for the documentation. */
export const jobSchema = z
  .object({
    job_id: z.string(),
    kind: z.string(),
    state: z.enum(JOB_STATES),
    priority: z.int().openapi({ description: "0 is the most urgent, 9 the least" }),
    source: z.string(),
    host: z.string(),
    feed: z.string().nullable(),
    run_id: z.string().nullable(),
    attempt: z.int(),
    max_attempts: z.int(),
    worker: z.string().nullable(),
    created_at: z.string(),
    run_at: z.string(),
    ended_at: z.string().nullable(),
  })
  .openapi("Job");

const detailsSchema = jobSchema
  .extend({
    payload: z.unknown(),
    idempotency_key: z.string().nullable(),
    traceparent: z.string().nullable(),
    leased_until: z.string().nullable(),
    progress: z.number().nullable().openapi({ description: "of the newest attempt, 0 to 1, if its worker says so" }),
    obstacles: z.array(z.object({ code: z.string(), text: z.string(), until: z.string().nullable() })).openapi({
      description: "every condition that keeps the job from running now; empty where it waits for a worker only",
    }),
    history: z.array(
      z.object({
        at: z.string(),
        from: z.enum(JOB_STATES).nullable(),
        to: z.enum(JOB_STATES),
        attempt: z.int(),
        worker: z.string().nullable(),
        reason: z.string().nullable(),
        message: z.string().nullable(),
      }),
    ),
  })
  .openapi("JobDetails");

export const JOB_EXAMPLE = {
  job_id: "17",
  kind: "rollups.verify",
  state: "ready",
  priority: 5,
  source: "",
  host: "",
  feed: null,
  run_id: null,
  attempt: 0,
  max_attempts: 5,
  worker: null,
  created_at: "2026-08-09T22:30:00Z",
  run_at: "2026-08-09T22:30:00Z",
  ended_at: null,
};

const statesField = z
  .string()
  .transform((text, context): JobState[] => {
    const states = text.split(",");
    const unknown = states.find((state) => !(JOB_STATES as readonly string[]).includes(state));
    if (unknown === undefined) return states as JobState[];
    context.addIssue(`${JSON.stringify(unknown)} is no state; use some of ${JOB_STATES.join(",")}`);
    return z.NEVER;
  })
  .openapi({ type: "string", example: "ready,leased" });

const listQuery = z.strictObject({
  state: statesField.optional(),
  kind: nameField(63).optional(),
  limit: limitField,
  cursor: idField.optional(),
});

export const jobParams = z.strictObject({ job: idField });
const page = pageOf(jobSchema).openapi("Jobs");

/** Adds the routes that show jobs. */
export function addJobsRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/jobs",
      tag: TAG,
      operationId: "listJobs",
      summary: "Jobs, newest first",
      description: "Lists the tenant's jobs. `next` is the `cursor` of the next page.",
      scope: "control:read",
      query: listQuery,
      answer: page,
      example: { data: [JOB_EXAMPLE], next: null },
    },
    async ({ tenant, query: { state = JOB_STATES, kind = null, limit, cursor = null } }) => {
      const jobs = await listJobs(sql, tenant, { states: state, kind, before: cursor, limit: limit + 1 });
      return pageFrom(jobs, limit, ({ jobId }) => String(jobId), shownJob);
    },
  );
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/jobs/{job}",
      tag: TAG,
      operationId: "getJob",
      summary: "One job",
      description: "A job with its history, and every condition that keeps it from running now.",
      scope: "control:read",
      params: jobParams,
      answer: detailsSchema,
      example: {
        ...JOB_EXAMPLE,
        payload: {},
        idempotency_key: null,
        traceparent: null,
        leased_until: null,
        progress: null,
        obstacles: [],
        history: [],
      },
      problems: [CONTROL_PROBLEMS["not-found"]],
    },
    async ({ tenant, params: { job: id } }) => {
      const [job, facts] = await Promise.all([readJob(sql, tenant, id), readJobFacts(sql, tenant, id)]);
      if (job === null || facts === null) throw new Problem(CONTROL_PROBLEMS["not-found"], `there is no job ${id}`);
      return shownDetails(job, obstaclesOf(facts));
    },
  );
}

/** Returns a job as lists show it. */
export function shownJob({ jobId, runId, maxAttempts, createdAt, runAt, endedAt, ...job }: JobSummary) {
  const { kind, state, priority, source, host, feed, attempt, worker } = job;
  return {
    job_id: String(jobId),
    kind,
    state,
    priority,
    source,
    host,
    feed,
    run_id: runId === null ? null : String(runId),
    attempt,
    max_attempts: maxAttempts,
    worker,
    created_at: formatTime(createdAt),
    run_at: formatTime(runAt),
    ended_at: shownTime(endedAt),
  };
}

function shownDetails(job: JobDetails, obstacles: readonly Obstacle[]) {
  return {
    ...shownJob(job),
    payload: job.payload,
    idempotency_key: job.idempotencyKey,
    traceparent: job.traceparent,
    leased_until: shownTime(job.leasedUntil),
    progress: job.progress,
    obstacles: obstacles.map(({ until, ...rest }) => ({ ...rest, until: shownTime(until) })),
    history: job.history.map(({ at, ...entry }) => ({ at: formatTime(at), ...entry })),
  };
}
