import { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { makeAdmission, makeLane } from "../../http/admission.ts";
import { addOpenApi } from "../../http/openapi.ts";
import type { ApiApp } from "../../http/route.ts";
import type { Serving } from "../../http/serving.ts";
import { answerUnmatched } from "../../http/unmatched.ts";
import { makeClaim } from "../../storage/control/claim.ts";
import { addArtifactsRoutes } from "./artifacts.ts";
import { addAuditRoutes } from "./audit.ts";
import { addBlackoutsRoutes } from "./blackouts.ts";
import type { ControlContext, ControlService } from "./context.ts";
import { addDeadLettersRoutes } from "./dead-letters.ts";
import { addEventRoutes } from "./events.ts";
import { addFailureRoutes } from "./failures.ts";
import { addFeedsRoutes } from "./feeds.ts";
import { addIncidentRoutes } from "./incidents.ts";
import { addJobChangeRoutes } from "./job-changes.ts";
import { addJobsRoutes } from "./jobs.ts";
import { addPausesRoutes } from "./pauses.ts";
import { problemOf } from "./problems.ts";
import { CONTROL_BASE } from "./route.ts";
import { addRunChangeRoutes } from "./run-changes.ts";
import { addRunsRoutes } from "./runs.ts";
import { addSchedulesRoutes } from "./schedules.ts";
import { addSourcesRoutes } from "./sources.ts";
import { addTenantRoutes } from "./tenant.ts";
import { addThrottlesRoutes } from "./throttles.ts";
import { addUnreadMessageRoutes } from "./unread-messages.ts";
import { addWorkRoutes } from "./work.ts";

const TAGS = [
  { name: "Jobs", description: "Units of work: what is to be done, and how far it has come." },
  { name: "Feeds", description: "What is collected, how far it has come, and what is missing." },
  { name: "Runs", description: "Ranges of event time that are done in windows." },
  { name: "Schedules", description: "Jobs that start by the clock." },
  { name: "Artifacts", description: "What jobs produced." },
  { name: "Work", description: "The protocol of workers: claim, extend, report." },
  { name: "Tenant", description: "What the tenant may have in flight." },
  { name: "Limits", description: "What sources and hosts bear." },
  { name: "Pauses", description: "What is not leased for a time: pauses and blackouts." },
  { name: "Dead letters", description: "Jobs that ended dead." },
  { name: "Audit", description: "Who did what, and why." },
  { name: "Incidents", description: "What goes wrong: incidents, and failures that are alike." },
  { name: "Events", description: "What happens, as it happens." },
  { name: "Documentation", description: "The API's own description." },
];

/** The part of what a process bears that one tenant may take, rounded up: the others keep the rest. */
const TENANT_SHARE = 1 / 2;
const shareOf = (all: number): number => Math.ceil(all * TENANT_SHARE);

/** Returns the control API as an app that answers requests of principals with a tenant; it does not listen. */
export function createControlApp({ database, events, stopwatch, settings }: ControlContext): Hono {
  const admission = makeAdmission("control");
  const limits = { ...settings, maxInFlightPerTenant: shareOf(settings.maxInFlight) };
  const serving: Serving = {
    server: "control",
    stopwatch,
    admission,
    limits: { read: limits, write: limits },
    anonymous: { key: null, tenant: null, scopes: [] },
    problemOf,
  };
  const service: ControlService = {
    database,
    events,
    serving,
    admission,
    lane: makeLane(
      admission,
      settings.maxConnections,
      stopwatch,
      () => settings.maxInFlight,
      shareOf(settings.maxConnections),
    ),
    claim: makeClaim(() => stopwatch() * 1000),
  };
  const app: ApiApp = new OpenAPIHono();
  addJobsRoutes(app, service);
  addJobChangeRoutes(app, service);
  addFeedsRoutes(app, service);
  addRunsRoutes(app, service);
  addRunChangeRoutes(app, service);
  addSchedulesRoutes(app, service);
  addArtifactsRoutes(app, service);
  addWorkRoutes(app, service);
  addTenantRoutes(app, service);
  addSourcesRoutes(app, service);
  addThrottlesRoutes(app, service);
  addPausesRoutes(app, service);
  addBlackoutsRoutes(app, service);
  addDeadLettersRoutes(app, service);
  addAuditRoutes(app, service);
  addIncidentRoutes(app, service);
  addFailureRoutes(app, service);
  addUnreadMessageRoutes(app, service);
  addEventRoutes(app, service);
  addOpenApi(app, serving, {
    path: `${CONTROL_BASE}/openapi.json`,
    tag: "Documentation",
    info: {
      title: "Stellar Index control API",
      version: "1",
      description:
        "The ledger of jobs: what there is, what keeps it from running, and the protocol of workers. Each key sees one tenant. Ids are texts; times are RFC 3339 in UTC. Errors are `application/problem+json` (RFC 9457) with a stable `type`.",
    },
    tags: TAGS,
    keys: "required",
  });
  answerUnmatched(app, serving, `${CONTROL_BASE}/openapi.json lists the routes`);
  return app;
}
