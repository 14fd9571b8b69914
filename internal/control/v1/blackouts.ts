import { z } from "@hono/zod-openapi";
import { formatTime } from "../../canonical/time.ts";
import type { ControlScope } from "../../config/sections/control.ts";
import { requireScope } from "../../http/principal.ts";
import { Problem } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import { addBlackout, type Blackout, listBlackouts, removeBlackout } from "../../storage/control/blackouts.ts";
import { addAction } from "./action.ts";
import type { ControlService } from "./context.ts";
import { confirmField, idField, limitField, pageFrom, pageOf, sourceField, timeField } from "./fields.ts";
import { CONTROL_PROBLEMS } from "./problems.ts";
import { addControlRoute } from "./route.ts";

const TAG = "Pauses";

const blackoutSchema = z
  .object({
    blackout_id: z.string(),
    source: z.string().openapi({ description: "empty for all jobs" }),
    from: z.string(),
    until: z.string(),
    reason: z.string(),
    actor: z.string(),
  })
  .openapi("Blackout");
const page = pageOf(blackoutSchema).openapi("Blackouts");
const EXAMPLE = {
  blackout_id: "3",
  source: "kraken",
  from: "2026-08-09T22:00:00Z",
  until: "2026-08-09T23:00:00Z",
  reason: "announced maintenance",
  actor: "ops",
};

/** Adds the routes of blackouts. */
export function addBlackoutsRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/blackouts",
      tag: TAG,
      operationId: "listBlackouts",
      summary: "Blackouts, newest first",
      description:
        "Lists the times in which nothing is leased, also past ones. `next` is the `cursor` of the next page.",
      scope: "control:read",
      query: z.strictObject({ limit: limitField, cursor: idField.optional() }),
      answer: page,
      example: { data: [EXAMPLE], next: null },
    },
    async ({ tenant, query: { limit, cursor = null } }) => {
      const blackouts = await listBlackouts(sql, tenant, { before: cursor, limit: limit + 1 });
      return pageFrom(blackouts, limit, ({ blackoutId }) => String(blackoutId), shown);
    },
  );
  const common = { tag: TAG, scope: "control:operate" } as const;
  addAction(
    app,
    service,
    {
      ...common,
      path: "/blackouts/add",
      operationId: "addBlackout",
      summary: "Adds a blackout",
      description:
        "Nothing of the source is leased from `from` on and before `until`. Without a source nothing at all is leased, which needs `confirm` and the scope `control:admin`.",
      fields: {
        source: z.union([z.literal(""), sourceField]).default(""),
        from: timeField,
        until: timeField,
        confirm: confirmField,
      },
      answer: z.object({ blackout_id: z.string() }),
      example: { blackout_id: "3" },
      problems: [CONTROL_PROBLEMS.refused, CONTROL_PROBLEMS.unconfirmed],
    },
    async (actor, _params, { source, from, until, confirm }, principal) => {
      if (source === "") {
        requireScope(principal, "control:admin" satisfies ControlScope);
        if (!confirm) {
          const detail = 'without a source this stops all work of the tenant; name a source, or send "confirm": true';
          throw new Problem(CONTROL_PROBLEMS.unconfirmed, detail);
        }
      }
      return { blackout_id: String(await addBlackout(sql, actor, { source, from, until })) };
    },
  );
  addAction(
    app,
    service,
    {
      ...common,
      path: "/blackouts/{blackout}/remove",
      operationId: "removeBlackout",
      summary: "Removes a blackout",
      description: "What is due may be leased at once.",
      params: z.strictObject({ blackout: idField }),
      fields: {},
    },
    async (actor, { blackout }) => ({ changed: await removeBlackout(sql, actor, blackout) }),
  );
}

function shown({ blackoutId, from, until, source, reason, actor }: Blackout) {
  const times = { from: formatTime(from), until: formatTime(until) };
  return { blackout_id: String(blackoutId), source, ...times, reason, actor };
}
