import { z } from "@hono/zod-openapi";
import type postgres from "postgres";
import { InputError } from "../../canonical/input-error.ts";
import type { ApiApp } from "../../http/route.ts";
import type { Actor } from "../../storage/control/audit.ts";
import { cancelRun, makeRun, retryRun } from "../../storage/control/run-actions.ts";
import { planRun, previewOf } from "../runs/plan-run.ts";
import type { ControlService } from "./context.ts";
import { feedField, idField, reasonFields, reasonSchema, timeField } from "./fields.ts";
import { CONTROL_PROBLEMS } from "./problems.ts";
import { addControlRoute } from "./route.ts";
import { chunkField, kindField, payloadField } from "./work-fields.ts";

const TAG = "Runs";

const requestFields = {
  feed: feedField.nullable().default(null),
  kind: kindField.nullable().default(null),
  payload: payloadField,
  from: timeField,
  to: timeField,
  chunk: chunkField.nullable().default(null),
  only_gaps: z.boolean().default(false).openapi({ description: "leaves out windows that the feed covers already" }),
};
const requestSchema = z.strictObject(requestFields).openapi("RunRequest");
const newRunSchema = z.strictObject({ ...requestFields, ...reasonFields }).openapi("NewRun");

const previewSchema = z.object({ windows: z.int(), tokens: z.int(), seconds: z.number().nullable() });
const createdSchema = z.object({
  run_id: z.string(),
  windows: z.int(),
  new_jobs: z.int(),
  merge_job: z.string().nullable(),
});
const changedSchema = z.object({ changed_jobs: z.int() });

const params = z.strictObject({ run: idField });

/** Adds the routes that make and change runs. */
export function addRunChangeRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  const planOf = (tenant: string, { chunk, only_gaps, ...body }: z.output<typeof requestSchema>) =>
    planRun(sql, tenant, { ...body, chunkSeconds: chunk, onlyGaps: only_gaps });
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: "/runs/preview",
      tag: TAG,
      operationId: "previewRun",
      summary: "What a run would cost",
      description: "Makes nothing. `seconds` is null where no job of the kind has succeeded yet.",
      scope: "control:read",
      body: requestSchema,
      answer: previewSchema,
      example: { windows: 24, tokens: 24, seconds: 90.5 },
      problems: [CONTROL_PROBLEMS.refused],
    },
    async ({ tenant, body }) => previewOf(sql, tenant, await planOf(tenant, body)),
  );
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: "/runs",
      tag: TAG,
      operationId: "createRun",
      summary: "Does a range in windows",
      description:
        "Makes a job for each window, behind live work. While a job of an earlier run does the same window, it is shared.",
      scope: "control:operate",
      body: newRunSchema,
      answer: createdSchema,
      example: { run_id: "3", windows: 24, new_jobs: 24, merge_job: "41" },
      problems: [CONTROL_PROBLEMS.refused],
    },
    async ({ tenant, actor, body: { reason, ticket, ...body } }) => {
      const plan = await planOf(tenant, body);
      if (plan.windows.length === 0) throw new InputError("there is nothing to do: the feed covers all of the range");
      const run = await makeRun(sql, { tenant, name: actor, reason, ticket }, plan);
      return {
        run_id: String(run.runId),
        windows: run.jobs.length,
        new_jobs: run.newJobs,
        merge_job: run.mergeJob === null ? null : String(run.mergeJob),
      };
    },
  );
  addRunAction(app, service, "cancel", "Cancels the jobs of a run that have not ended.", cancelRun);
  addRunAction(app, service, "retry", "Runs the jobs of a run again that failed, died or were cancelled.", retryRun);
}

function addRunAction(
  app: ApiApp,
  service: ControlService,
  verb: "cancel" | "retry",
  description: string,
  act: (sql: postgres.Sql, actor: Actor, runId: bigint) => Promise<number>,
): void {
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: `/runs/{run}/${verb}`,
      tag: TAG,
      operationId: `${verb}Run`,
      summary: verb === "cancel" ? "Cancels a run" : "Retries a run",
      description: `${description} The audit log keeps who did it, and why.`,
      scope: "control:operate",
      params,
      body: reasonSchema,
      answer: changedSchema,
      example: { changed_jobs: 3 },
      problems: [CONTROL_PROBLEMS.refused],
    },
    async ({ tenant, actor, params: { run }, body: { reason, ticket } }) => ({
      changed_jobs: await act(service.database.sql, { tenant, name: actor, reason, ticket }, run),
    }),
  );
}
