import { z } from "@hono/zod-openapi";
import { formatTime } from "../../canonical/time.ts";
import { Problem } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import { retryConflicts } from "../../storage/connection/conflicts.ts";
import type { LeasedJob } from "../../storage/control/claim.ts";
import { extendLeases } from "../../storage/control/report.ts";
import { reportWithArtifacts } from "../../storage/control/report-artifacts.ts";
import { grantTokens } from "../../storage/control/tokens.ts";
import type { ControlService } from "./context.ts";
import { idField, nameField } from "./fields.ts";
import { CONTROL_PROBLEMS } from "./problems.ts";
import { addControlRoute } from "./route.ts";

const TAG = "Work";
const MAX_JOBS = 100;

const leaseSeconds = z.number().min(5).max(3600).openapi({ example: 60 });
const progress = z.number().min(0).max(1).nullable().default(null).openapi({
  description: "how far the attempt has come; null leaves what was said before",
});
const lease = { job_id: idField, lease_token: idField };

const claimSchema = z
  .strictObject({
    worker: nameField(256).openapi({ description: "the worker's name in history", example: "collector-1:4711" }),
    kinds: z.array(nameField(63)).min(1).max(100),
    max_jobs: z.int().min(1).max(MAX_JOBS),
    lease_seconds: leaseSeconds,
  })
  .openapi("Claim");

const leasedSchema = z
  .object({
    job_id: z.string(),
    kind: z.string(),
    payload: z.unknown(),
    attempt: z.int().openapi({ description: "counted from 1" }),
    max_attempts: z.int(),
    lease_token: z.string().openapi({ description: "to be shown with every call about the job" }),
    leased_until: z.string().openapi({ description: "by the database's clock; count lease_seconds on your own" }),
    source: z.string(),
    host: z.string(),
    feed: z.string().nullable(),
    run_id: z.string().nullable(),
    traceparent: z.string().nullable(),
  })
  .openapi("LeasedJob");

const extendSchema = z
  .strictObject({
    lease_seconds: leaseSeconds,
    leases: z
      .array(z.strictObject({ ...lease, progress }))
      .min(1)
      .max(MAX_JOBS),
  })
  .openapi("Extend");

const keptSchema = z.object({
  kept: z.array(
    z.object({
      job_id: z.string(),
      lease_token: z.string(),
      is_extended: z.boolean().openapi({
        description: "false where another transaction has locked the job; ask again before the lease ends",
      }),
    }),
  ),
});

const throttleSchema = z
  .strictObject({
    status: z.int().min(100).max(599).nullable().default(null).openapi({ description: "such as 429" }),
    retry_after_seconds: z.number().min(0).nullable().default(null),
  })
  .openapi("Throttling", { description: "the host asked for fewer requests; what it said of when to come back wins" });

const artifactSchema = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "is no name of an artifact, such as part.csv"),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, "is not 64 lower-case hexadecimal digits"),
    bytes: z.int().min(0),
    uri: nameField(2048).openapi({ description: "where the content is", example: "s3://bucket/part.csv" }),
  })
  .openapi("NewArtifact");

const reportSchema = z
  .strictObject({
    reports: z
      .array(
        z
          .strictObject({
            ...lease,
            outcome: z.enum(["succeeded", "retry", "failed", "released"]),
            retry_seconds: z.number().min(0).max(31_536_000).default(0),
            throttle: throttleSchema.nullable().default(null),
            reason: nameField(64).nullable().default(null),
            message: z.string().max(100_000).nullable().default(null),
            artifacts: z.array(artifactSchema).max(100).default([]),
          })
          .refine(({ outcome, artifacts }) => outcome === "succeeded" || artifacts.length === 0, {
            path: ["artifacts"],
            message: "are kept of a success only",
          }),
      )
      .min(1)
      .max(MAX_JOBS)
      .refine((reports) => new Set(reports.map(({ job_id }) => job_id)).size === reports.length, "name a job twice"),
  })
  .openapi("Report");

const reportedSchema = z.object({
  reported: z.array(z.object({ job_id: z.string(), state: z.enum(["succeeded", "ready", "failed", "dead"]) })),
});

/** Adds the worker protocol; see docs/worker-protocol.md. */
export function addWorkRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: "/work/claim",
      tag: TAG,
      operationId: "claimJobs",
      summary: "Leases ready jobs to a worker",
      description: "Leases up to `max_jobs` jobs that nothing keeps from running now. An empty list: ask again later.",
      scope: "jobs:work",
      body: claimSchema,
      answer: z.object({ jobs: z.array(leasedSchema) }),
      example: { jobs: [] },
    },
    async ({ tenant, body: { worker, kinds, max_jobs, lease_seconds } }) => {
      const request = { tenant, worker, kinds, maxJobs: max_jobs, leaseSeconds: lease_seconds };
      return { jobs: (await service.claim(sql, request)).map(shownLease) };
    },
  );
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: "/work/extend",
      tag: TAG,
      operationId: "extendLeases",
      summary: "Extends leases",
      description:
        "Extends leases that are still the worker's. One that is missing in the answer is lost: abort its job.",
      scope: "jobs:work",
      body: extendSchema,
      answer: keptSchema,
      example: { kept: [{ job_id: "17", lease_token: "170", is_extended: true }] },
    },
    async ({ tenant, body: { leases, lease_seconds } }) => {
      const held = leases.map(({ job_id, lease_token, progress }) => ({
        jobId: job_id,
        leaseToken: lease_token,
        progress,
      }));
      const kept = new Map(
        (await extendLeases(sql, tenant, held, lease_seconds)).map((each) => [each.leaseToken, each]),
      );
      return {
        kept: held.flatMap(({ jobId, leaseToken }) => {
          const found = kept.get(leaseToken);
          if (found === undefined) return [];
          return [{ job_id: String(jobId), lease_token: String(leaseToken), is_extended: found.isExtended }];
        }),
      };
    },
  );
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: "/work/report",
      tag: TAG,
      operationId: "reportJobs",
      summary: "Ends attempts",
      description:
        "Reports how attempts ended. A job that is missing in the answer is no longer the worker's, and did not change. A report that got no answer is sent again as it was.",
      scope: "jobs:work",
      body: reportSchema,
      answer: reportedSchema,
      example: { reported: [{ job_id: "17", state: "succeeded" }] },
    },
    async ({ tenant, body }) => {
      const reports = body.reports.map(({ job_id, lease_token, retry_seconds, throttle, artifacts, ...report }) => ({
        ...report,
        jobId: job_id,
        leaseToken: lease_token,
        retrySeconds: retry_seconds,
        throttle: throttle && { retryAfterSeconds: throttle.retry_after_seconds },
        artifacts: artifacts.map((artifact) => ({ ...artifact, inputsKey: null })),
      }));
      const reported = await retryConflicts(() => reportWithArtifacts(sql, tenant, reports));
      return { reported: reported.map(({ jobId, state }) => ({ job_id: String(jobId), state })) };
    },
  );
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: "/work/tokens",
      tag: TAG,
      operationId: "grantTokens",
      summary: "Takes tokens of a job's host",
      description:
        "A claim takes one token of the job's host. For more requests a running worker takes more: it may send `granted` now, and asks for the rest after `wait_seconds`.",
      scope: "jobs:work",
      body: z.strictObject({ ...lease, tokens: z.int().min(1).max(10_000) }).openapi("TokenRequest"),
      answer: z.object({ granted: z.int(), wait_seconds: z.number() }),
      example: { granted: 3, wait_seconds: 0 },
      problems: [CONTROL_PROBLEMS["lease-lost"]],
    },
    async ({ tenant, body: { job_id, lease_token, tokens } }) => {
      const tokensOf = { jobId: job_id, leaseToken: lease_token, tokens };
      const granted = await grantTokens(sql, tenant, tokensOf);
      if (granted === null) throw new Problem(CONTROL_PROBLEMS["lease-lost"], `the lease of job ${job_id} is lost`);
      return { granted: granted.granted, wait_seconds: granted.waitSeconds };
    },
  );
}

function shownLease(job: LeasedJob) {
  return {
    job_id: String(job.jobId),
    kind: job.kind,
    payload: job.payload,
    attempt: job.attempt,
    max_attempts: job.maxAttempts,
    lease_token: String(job.leaseToken),
    leased_until: formatTime(job.leasedUntil),
    source: job.source,
    host: job.host,
    feed: job.feed,
    run_id: job.runId === null ? null : String(job.runId),
    traceparent: job.traceparent,
  };
}
