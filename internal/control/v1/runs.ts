import { z } from "@hono/zod-openapi";
import { formatTime } from "../../canonical/time.ts";
import { Problem } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import { JOB_STATES } from "../../storage/control/read-jobs.ts";
import { listRuns, listWindows, type Run, readRun } from "../../storage/control/read-runs.ts";
import type { ControlService } from "./context.ts";
import { feedField, idField, limitField, pageFrom, pageOf, timeField } from "./fields.ts";
import { CONTROL_PROBLEMS } from "./problems.ts";
import { addControlRoute } from "./route.ts";

const TAG = "Runs";

const runSchema = z
  .object({
    run_id: z.string(),
    kind: z.string(),
    feed: z.string().nullable(),
    payload: z.record(z.string(), z.unknown()),
    from: z.string(),
    to: z.string(),
    chunk_seconds: z.int(),
    merge_job: z.string().nullable().openapi({ description: "puts together what the windows gave" }),
    actor: z.string(),
    reason: z.string(),
    created_at: z.string(),
    state: z.enum(["running", "paused", "succeeded", "failed", "cancelled"]),
    jobs: z.record(z.enum(JOB_STATES), z.int()).openapi({ description: "how many are in each state" }),
  })
  .openapi("Run");

const EXAMPLE = {
  run_id: "3",
  kind: "prices.backfill",
  feed: null,
  payload: { pairs: ["XLM/USD"], format: "csv" },
  from: "2026-08-01T00:00:00Z",
  to: "2026-08-02T00:00:00Z",
  chunk_seconds: 3600,
  merge_job: "41",
  actor: "operator",
  reason: "prices of a day",
  created_at: "2026-08-09T22:30:00Z",
  state: "running",
  jobs: { blocked: 1, ready: 20, leased: 2, succeeded: 2, failed: 0, dead: 0, cancelled: 0 },
};

const windowSchema = z.object({
  from: z.string(),
  to: z.string(),
  job_id: z.string(),
  state: z.enum(JOB_STATES),
});

const params = z.strictObject({ run: idField });
const runsQuery = z.strictObject({ feed: feedField.optional(), limit: limitField, cursor: idField.optional() });
const windowsQuery = z.strictObject({ limit: limitField, cursor: timeField.optional() });
const runsPage = pageOf(runSchema).openapi("Runs");
const windowsPage = pageOf(windowSchema).openapi("RunWindows");

/** Adds the routes of runs. */
export function addRunsRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  const read = async (tenant: string, id: bigint): Promise<Run> => {
    const run = await readRun(sql, tenant, id);
    if (run === null) throw new Problem(CONTROL_PROBLEMS["not-found"], `there is no run ${id}`);
    return run;
  };
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/runs",
      tag: TAG,
      operationId: "listRuns",
      summary: "Runs, newest first",
      description: "Lists the tenant's runs. `next` is the `cursor` of the next page.",
      scope: "control:read",
      query: runsQuery,
      answer: runsPage,
      example: { data: [EXAMPLE], next: null },
    },
    async ({ tenant, query: { feed = null, limit, cursor = null } }) => {
      const runs = await listRuns(sql, tenant, { feed, before: cursor, limit: limit + 1 });
      return pageFrom(runs, limit, ({ runId }) => String(runId), shownRun);
    },
  );
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/runs/{run}",
      tag: TAG,
      operationId: "getRun",
      summary: "One run",
      description: "A run, and how many of its jobs are in each state.",
      scope: "control:read",
      params,
      answer: runSchema,
      example: EXAMPLE,
      problems: [CONTROL_PROBLEMS["not-found"]],
    },
    async ({ tenant, params: { run } }) => shownRun(await read(tenant, run)),
  );
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/runs/{run}/windows",
      tag: TAG,
      operationId: "listRunWindows",
      summary: "The windows of a run, in order of time",
      description: "Which job does which window. `next` is the `cursor` of the next page.",
      scope: "control:read",
      params,
      query: windowsQuery,
      answer: windowsPage,
      example: { data: [{ from: EXAMPLE.from, to: EXAMPLE.to, job_id: "17", state: "ready" }], next: null },
      problems: [CONTROL_PROBLEMS["not-found"]],
    },
    async ({ tenant, params: { run }, query: { limit, cursor = null } }) => {
      await read(tenant, run);
      const windows = await listWindows(sql, tenant, run, { after: cursor, limit: limit + 1 });
      return pageFrom(
        windows,
        limit,
        ({ from }) => formatTime(from),
        ({ from, to, jobId, state }) => ({ from: formatTime(from), to: formatTime(to), job_id: String(jobId), state }),
      );
    },
  );
}

function shownRun({ runId, from, to, chunkSeconds, mergeJob, createdAt, counts, ...run }: Run) {
  return {
    run_id: String(runId),
    ...run,
    from: formatTime(from),
    to: formatTime(to),
    chunk_seconds: chunkSeconds,
    merge_job: mergeJob === null ? null : String(mergeJob),
    created_at: formatTime(createdAt),
    jobs: counts,
  };
}
