import { z } from "@hono/zod-openapi";
import { formatTime } from "../../canonical/time.ts";
import { Problem } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import type { Sql } from "../../storage/connection/pool.ts";
import { findName, listPauses, PAUSE_SCOPES, pause, resume } from "../../storage/control/pauses.ts";
import { readRun } from "../../storage/control/read-runs.ts";
import { addAction } from "./action.ts";
import type { ControlService } from "./context.ts";
import { feedField, idField, sourceField } from "./fields.ts";
import { CONTROL_PROBLEMS } from "./problems.ts";
import { addControlRoute } from "./route.ts";

const TAG = "Pauses";

const pauseSchema = z
  .object({
    scope: z.enum(PAUSE_SCOPES),
    name: z.string().openapi({ description: "of the source or feed, or the run's id; empty for the tenant" }),
    reason: z.string(),
    actor: z.string(),
    since: z.string(),
  })
  .openapi("Pause");

const targetSchema = z
  .discriminatedUnion("scope", [
    z.strictObject({ scope: z.literal("source"), name: sourceField }),
    z.strictObject({ scope: z.literal("feed"), name: feedField }),
    z.strictObject({ scope: z.literal("run"), name: idField.transform(String).openapi({ type: "string" }) }),
  ])
  .openapi("PauseTarget");

/** Names that a refusal lists. */
const MOST_NAMES = 20;
const CURES = {
  source: "a source is known once it has a limit (control sources set), a feed or a job",
  feed: "a feed is known once it is declared (control feeds declare) or has a job",
};

/** Adds the routes of pauses; those of the whole tenant are with the tenant. */
export function addPausesRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/pauses",
      tag: TAG,
      operationId: "listPauses",
      summary: "What is paused",
      description: "Lists the pauses of the tenant, its sources, feeds and runs, all on one page.",
      scope: "control:read",
      answer: z.object({ data: z.array(pauseSchema), next: z.null() }),
      example: {
        data: [{ scope: "source", name: "kraken", reason: "maintenance", actor: "ops", since: "2026-08-09T22:30:00Z" }],
        next: null,
      },
    },
    async ({ tenant }) => {
      const data = await listPauses(sql, tenant);
      return { data: data.map(({ since, ...each }) => ({ ...each, since: formatTime(since) })), next: null };
    },
  );
  const common = { tag: TAG, scope: "control:operate", fields: { target: targetSchema } } as const;
  addAction(
    app,
    service,
    {
      ...common,
      path: "/pauses/pause",
      operationId: "pause",
      summary: "Pauses a source, a feed or a run",
      description: "Nothing of it is leased until it is resumed; jobs that are leased run on.",
      problems: [CONTROL_PROBLEMS["not-found"]],
    },
    async (actor, _params, { target }) => {
      await requireThere(sql, actor.tenant, target);
      return { changed: await pause(sql, actor, target) };
    },
  );
  addAction(
    app,
    service,
    {
      ...common,
      path: "/pauses/resume",
      operationId: "resume",
      summary: "Resumes a source, a feed or a run",
      description: "What is due gets its place in line.",
    },
    async (actor, _params, { target }) => ({ changed: await resume(sql, actor, target) }),
  );
}

/** @throws Problem where there is nothing of this name: a pause of a misspelt name would hold nothing up */
async function requireThere(sql: Sql, tenant: string, { scope, name }: z.output<typeof targetSchema>): Promise<void> {
  if (scope === "run") {
    if ((await readRun(sql, tenant, BigInt(name))) !== null) return;
    throw new Problem(CONTROL_PROBLEMS["not-found"], `there is no run ${name}`);
  }
  const { isKnown, names } = await findName(sql, tenant, { scope, name }, MOST_NAMES);
  if (isKnown) return;
  const more = names.length === MOST_NAMES ? ", …" : "";
  const there = names.length === 0 ? "there is none yet" : `there are ${names.join(", ")}${more}`;
  throw new Problem(CONTROL_PROBLEMS["not-found"], `there is no ${scope} ${name}: ${there}; ${CURES[scope]}`);
}
