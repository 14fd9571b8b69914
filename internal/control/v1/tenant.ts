import { z } from "@hono/zod-openapi";
import { Problem } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import { pause, resume } from "../../storage/control/pauses.ts";
import { readUsage, setQuota } from "../../storage/control/tenants.ts";
import { addAction } from "./action.ts";
import type { ControlService } from "./context.ts";
import { confirmField } from "./fields.ts";
import { CONTROL_PROBLEMS } from "./problems.ts";
import { addControlRoute } from "./route.ts";

const TAG = "Tenant";
const WHOLE = { scope: "tenant", name: "" } as const;

const usageSchema = z
  .object({
    tenant: z.string(),
    max_concurrent: z.int().nullable().openapi({ description: "jobs that may be leased at once; null for any number" }),
    max_per_day: z.int().nullable().openapi({ description: "jobs that may start in a day (UTC); null for any number" }),
    leased: z.int(),
    started_today: z.int().nullable().openapi({ description: "null where there is no quota for the day" }),
    paused_reason: z.string().nullable(),
  })
  .openapi("Tenant");
const quota = z.int().min(0).max(1_000_000_000).nullable();

/** Adds the routes of the tenant itself: its quota, and the pause of all its work. */
export function addTenantRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/tenant",
      tag: TAG,
      operationId: "getTenant",
      summary: "The tenant of the key",
      description: "What the tenant may have in flight, and what it has.",
      scope: "control:read",
      answer: usageSchema,
      example: {
        tenant: "default",
        max_concurrent: 100,
        max_per_day: null,
        leased: 3,
        started_today: null,
        paused_reason: null,
      },
    },
    async ({ tenant }) => {
      const usage = await readUsage(sql, tenant);
      if (usage === null) throw new Problem(CONTROL_PROBLEMS["not-found"], `there is no tenant ${tenant}`);
      return {
        tenant,
        max_concurrent: usage.maxConcurrent,
        max_per_day: usage.maxPerDay,
        leased: usage.leased,
        started_today: usage.startedToday,
        paused_reason: usage.pausedReason,
      };
    },
  );
  const common = { tag: TAG, scope: "control:admin", problems: [] } as const;
  addAction(
    app,
    service,
    {
      ...common,
      path: "/tenant/quota",
      operationId: "setQuota",
      summary: "Sets the tenant's quota",
      description: "Sets how many jobs may be leased at once, and how many may start in a day (UTC).",
      fields: { max_concurrent: quota, max_per_day: quota },
    },
    async (actor, _params, { max_concurrent, max_per_day }) => {
      await setQuota(sql, actor, { maxConcurrent: max_concurrent, maxPerDay: max_per_day });
      return { changed: true };
    },
  );
  addAction(
    app,
    service,
    {
      ...common,
      path: "/tenant/pause",
      operationId: "pauseTenant",
      summary: "Pauses all work of the tenant",
      description: "Nothing is leased until the tenant is resumed; jobs that are leased run on.",
      fields: { confirm: confirmField },
      problems: [CONTROL_PROBLEMS.unconfirmed],
    },
    async (actor, _params, { confirm }) => {
      if (!confirm) {
        const detail = 'this stops all work of the tenant; send "confirm": true to do it';
        throw new Problem(CONTROL_PROBLEMS.unconfirmed, detail);
      }
      return { changed: await pause(sql, actor, WHOLE) };
    },
  );
  addAction(
    app,
    service,
    {
      ...common,
      path: "/tenant/resume",
      operationId: "resumeTenant",
      summary: "Resumes the work of the tenant",
      description: "Lifts the pause of the whole tenant. Pauses of its sources, feeds and runs stay.",
      fields: {},
    },
    async (actor) => ({ changed: await resume(sql, actor, WHOLE) }),
  );
}
