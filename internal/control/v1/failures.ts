import { z } from "@hono/zod-openapi";
import { formatTime } from "../../canonical/time.ts";
import type { ApiApp } from "../../http/route.ts";
import { recentFailures } from "../../storage/control/failures.ts";
import { clustersOf, type FailureCluster } from "../incidents/failure-clusters.ts";
import type { ControlService } from "./context.ts";
import { limitField } from "./fields.ts";
import { addControlRoute } from "./route.ts";

const MOST_FAILURES = 10_000;
const MAX_HOURS = 720;

const failuresQuery = z.strictObject({
  hours: z.coerce.number().int().min(1).max(MAX_HOURS).default(24).openapi({
    type: "integer",
    description: "failures of so many hours up to now",
  }),
  limit: limitField,
});

const failuresSchema = z
  .object({
    data: z.array(
      z.object({
        kind: z.string(),
        host: z.string(),
        reason: z.string().nullable(),
        message: z.string().openapi({ description: "without numbers, ids, quoted texts, addresses" }),
        count: z.int(),
        first_at: z.string(),
        last_at: z.string(),
        example_job: z.string(),
        example_message: z.string().nullable(),
      }),
    ),
  })
  .openapi("Failures");

const EXAMPLE = {
  kind: "prices.fetch",
  host: "api.example.com",
  reason: "error",
  message: "answered <n>",
  count: 12,
  first_at: "2026-08-09T20:30:00Z",
  last_at: "2026-08-09T22:30:00Z",
  example_job: "17",
  example_message: "answered 502",
};

/** Adds the route that shows which failures are alike. */
export function addFailureRoutes(app: ApiApp, service: ControlService): void {
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/failures",
      tag: "Incidents",
      operationId: "listFailures",
      summary: "Failures that are alike",
      description: `Lists attempts that ended badly by kind, host, reason and message, the most frequent first. Of more than ${MOST_FAILURES} the newest are looked at.`,
      scope: "control:read",
      query: failuresQuery,
      answer: failuresSchema,
      example: { data: [EXAMPLE] },
    },
    async ({ tenant, query: { hours, limit } }) => {
      const filter = { withinSeconds: hours * 3600, limit: MOST_FAILURES };
      const failures = await recentFailures(service.database.sql, tenant, filter);
      return { data: clustersOf(failures).slice(0, limit).map(shownCluster) };
    },
  );
}

function shownCluster({ firstAt, lastAt, example, ...cluster }: FailureCluster) {
  return {
    ...cluster,
    first_at: formatTime(firstAt),
    last_at: formatTime(lastAt),
    example_job: String(example.jobId),
    example_message: example.message,
  };
}
