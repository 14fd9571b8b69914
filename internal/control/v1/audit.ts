import { z } from "@hono/zod-openapi";
import { formatTime } from "../../canonical/time.ts";
import type { ApiApp } from "../../http/route.ts";
import { type AuditEntry, readAuditLog } from "../../storage/control/audit-log.ts";
import type { ControlService } from "./context.ts";
import { idField, limitField, pageFrom, pageOf } from "./fields.ts";
import { addControlRoute } from "./route.ts";

const entrySchema = z
  .object({
    entry_id: z.string(),
    at: z.string(),
    actor: z.string(),
    action: z.string(),
    target: z.unknown(),
    reason: z.string(),
    ticket: z.string().nullable(),
    result: z.unknown().openapi({ description: "what changed" }),
  })
  .openapi("AuditEntry");
const page = pageOf(entrySchema).openapi("AuditLog");

/** Adds the route that shows the audit log. */
export function addAuditRoutes(app: ApiApp, service: ControlService): void {
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/audit",
      tag: "Audit",
      operationId: "listAuditLog",
      summary: "The audit log, newest first",
      description: "Lists who did what to the ledger, and why. `next` is the `cursor` of the next page.",
      scope: "control:read",
      query: z.strictObject({ limit: limitField, cursor: idField.optional() }),
      answer: page,
      example: {
        data: [
          {
            entry_id: "9",
            at: "2026-08-09T22:30:00Z",
            actor: "ops",
            action: "jobs.cancel",
            target: { jobs: ["17"] },
            reason: "submitted by mistake",
            ticket: null,
            result: { jobs: ["17"], left_blocked: 0 },
          },
        ],
        next: null,
      },
    },
    async ({ tenant, query: { limit, cursor = null } }) => {
      const entries = await readAuditLog(service.database.sql, tenant, { before: cursor, limit: limit + 1 });
      return pageFrom(entries, limit, ({ entryId }) => String(entryId), shown);
    },
  );
}

function shown({ entryId, at, ...entry }: AuditEntry) {
  return { entry_id: String(entryId), at: formatTime(at), ...entry };
}
