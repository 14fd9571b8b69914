import { z } from "@hono/zod-openapi";
import type { ApiApp } from "../../http/route.ts";
import { acknowledgeIncident, INCIDENT_CODES, listIncidents } from "../../storage/control/incidents.ts";
import { shownIncident } from "../stream/shown.ts";
import type { ControlService } from "./context.ts";
import { idField, limitField, pageFrom, pageOf, reasonFields } from "./fields.ts";
import { addControlRoute } from "./route.ts";

const TAG = "Incidents";

const incidentSchema = z
  .object({
    incident_id: z.string(),
    code: z.enum(INCIDENT_CODES),
    key: z.string().openapi({ description: "what it is about, such as a kind, a host or a feed" }),
    opened_at: z.string(),
    closed_at: z.string().nullable(),
    count: z.int(),
    first_job: z.string().nullable(),
    last_job: z.string().nullable(),
    message: z.string(),
    cluster: z
      .string()
      .nullable()
      .openapi({ description: "the failure, without numbers, ids, quoted texts, addresses" }),
    acknowledged_at: z.string().nullable(),
    acknowledged_by: z.string().nullable(),
  })
  .openapi("Incident");

const EXAMPLE = {
  incident_id: "3",
  code: "dead_letters",
  key: "prices.fetch",
  opened_at: "2026-08-09T22:30:00Z",
  closed_at: null,
  count: 2,
  first_job: "17",
  last_job: "19",
  message: "2 dead jobs of prices.fetch, the newest by attempts_exhausted",
  cluster: "answered <n>",
  acknowledged_at: null,
  acknowledged_by: null,
};

const listQuery = z.strictObject({
  state: z.enum(["open", "closed", "all"]).default("open"),
  code: z.enum(INCIDENT_CODES).optional(),
  limit: limitField,
  cursor: idField.optional(),
});
const incidentParams = z.strictObject({ incident: idField });
const page = pageOf(incidentSchema).openapi("Incidents");
const acknowledgement = z.strictObject(reasonFields).openapi("Acknowledgement");
const acknowledged = z.object({ acknowledged: z.boolean() }).openapi("Acknowledged");
const IS_OPEN = { open: true, closed: false, all: null };

/** Adds the routes of incidents. */
export function addIncidentRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/incidents",
      tag: TAG,
      operationId: "listIncidents",
      summary: "Incidents, newest first",
      description: "Lists what is wrong, or was. Rules open and close incidents.",
      scope: "control:read",
      query: listQuery,
      answer: page,
      example: { data: [EXAMPLE], next: null },
    },
    async ({ tenant, query: { state, code = null, limit, cursor = null } }) => {
      const filter = { isOpen: IS_OPEN[state], code, before: cursor, limit: limit + 1 };
      const incidents = await listIncidents(sql, tenant, filter);
      return pageFrom(incidents, limit, ({ incidentId }) => String(incidentId), shownIncident);
    },
  );
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: "/incidents/{incident}/acknowledge",
      tag: TAG,
      operationId: "acknowledgeIncident",
      summary: "Somebody looks after it",
      description:
        "Notes that somebody looks after an open incident; false where it is not open, or acknowledged already. It is closed by its rule, when what is wrong is over.",
      scope: "control:operate",
      params: incidentParams,
      body: acknowledgement,
      answer: acknowledged,
      example: { acknowledged: true },
    },
    async ({ tenant, actor, params, body: { reason, ticket } }) => ({
      acknowledged: await acknowledgeIncident(sql, { tenant, name: actor, reason, ticket }, params.incident),
    }),
  );
}
