import { z } from "@hono/zod-openapi";
import type { ApiApp } from "../../http/route.ts";
import { listThrottles, removeThrottle, setThrottle, type Throttle } from "../../storage/control/throttles.ts";
import { addAction } from "./action.ts";
import type { ControlService } from "./context.ts";
import { hostField, limitField, pageFrom, pageOf, shownTime } from "./fields.ts";
import { addControlRoute } from "./route.ts";

const TAG = "Limits";

const throttleSchema = z
  .object({
    host: z.string(),
    max_rate: z
      .number()
      .nullable()
      .openapi({ description: "requests a second that it bears; null where nobody set it" }),
    rate: z.number().nullable().openapi({ description: "what is granted at present" }),
    burst: z.number().nullable().openapi({ description: "requests at once after a pause" }),
    tokens: z.number().nullable().openapi({ description: "requests that may be sent now" }),
    not_before: z.string().nullable().openapi({ description: "until when the host asked to wait" }),
  })
  .openapi("Throttle");
const page = pageOf(throttleSchema).openapi("Throttles");
const params = z.strictObject({ host: hostField });
const EXAMPLE = { host: "api.example.org", max_rate: 10, rate: 5, burst: 20, tokens: 3.5, not_before: null };

/** Adds the routes of the token buckets of hosts. */
export function addThrottlesRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/throttles",
      tag: TAG,
      operationId: "listThrottles",
      summary: "Throttled hosts, by name",
      description: "Lists the hosts with a rate, or that asked to wait. `next` is the `cursor` of the next page.",
      scope: "control:read",
      query: z.strictObject({ limit: limitField, cursor: hostField.optional() }),
      answer: page,
      example: { data: [EXAMPLE], next: null },
    },
    async ({ tenant, query: { limit, cursor = "" } }) => {
      const throttles = await listThrottles(sql, tenant, { after: cursor, limit: limit + 1 });
      return pageFrom(throttles, limit, ({ host }) => host, shown);
    },
  );
  const common = { tag: TAG, scope: "control:operate", params } as const;
  addAction(
    app,
    service,
    {
      ...common,
      path: "/throttles/{host}/set",
      operationId: "setThrottle",
      summary: "Sets a host's rate",
      description: "Sets the requests a second that a host bears, which are granted from now on, and its burst.",
      fields: {
        max_rate: z.number().min(1e-6, "is less than 0.000001").max(1e6),
        burst: z.number().min(1).max(1e6),
      },
    },
    async (actor, { host }, { max_rate, burst }) => {
      await setThrottle(sql, actor, host, { maxRate: max_rate, burst });
      return { changed: true };
    },
  );
  addAction(
    app,
    service,
    {
      ...common,
      path: "/throttles/{host}/remove",
      operationId: "removeThrottle",
      summary: "Removes a host's rate",
      description: "Requests to the host are not limited then, and it is no longer waited for.",
      fields: {},
    },
    async (actor, { host }) => ({ changed: await removeThrottle(sql, actor, host) }),
  );
}

function shown({ host, bucket, notBefore }: Throttle) {
  return {
    host,
    max_rate: bucket?.maxRate ?? null,
    rate: bucket?.rate ?? null,
    burst: bucket?.burst ?? null,
    tokens: bucket?.tokens ?? null,
    not_before: shownTime(notBefore),
  };
}
