import { z } from "@hono/zod-openapi";
import type { ApiApp } from "../../http/route.ts";
import { listSources, removeSource, type SourceLimits, setSource } from "../../storage/control/sources.ts";
import { addAction } from "./action.ts";
import type { ControlService } from "./context.ts";
import { limitField, pageFrom, pageOf, sourceField } from "./fields.ts";
import { addControlRoute } from "./route.ts";

const TAG = "Limits";

const sourceSchema = z
  .object({
    source: z.string(),
    max_concurrent: z.int().nullable().openapi({ description: "jobs that may be leased at once; null for any number" }),
    leased: z.int(),
    paused_reason: z.string().nullable(),
  })
  .openapi("Source");
const page = pageOf(sourceSchema).openapi("Sources");
const params = z.strictObject({ source: sourceField });

/** Adds the routes of the limits of sources. */
export function addSourcesRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/sources",
      tag: TAG,
      operationId: "listSources",
      summary: "Sources, by name",
      description: "Lists the sources that have a limit, jobs or a pause. `next` is the `cursor` of the next page.",
      scope: "control:read",
      query: z.strictObject({ limit: limitField, cursor: sourceField.optional() }),
      answer: page,
      example: { data: [{ source: "kraken", max_concurrent: 2, leased: 1, paused_reason: null }], next: null },
    },
    async ({ tenant, query: { limit, cursor = "" } }) => {
      const sources = await listSources(sql, tenant, { after: cursor, limit: limit + 1 });
      return pageFrom(sources, limit, ({ source }) => source, shown);
    },
  );
  const common = { tag: TAG, scope: "control:operate", params } as const;
  addAction(
    app,
    service,
    {
      ...common,
      path: "/sources/{source}/set",
      operationId: "setSource",
      summary: "Limits a source",
      description: "Sets how many jobs of a source may be leased at once.",
      fields: { max_concurrent: z.int().min(0).max(1_000_000) },
    },
    async (actor, { source }, { max_concurrent }) => {
      await setSource(sql, actor, source, max_concurrent);
      return { changed: true };
    },
  );
  addAction(
    app,
    service,
    {
      ...common,
      path: "/sources/{source}/remove",
      operationId: "removeSource",
      summary: "Removes a source's limit",
      description: "Any number of its jobs may be leased at once then. A pause of it stays.",
      fields: {},
    },
    async (actor, { source }) => ({ changed: await removeSource(sql, actor, source) }),
  );
}

function shown({ source, maxConcurrent, leased, pausedReason }: SourceLimits) {
  return { source, max_concurrent: maxConcurrent, leased, paused_reason: pausedReason };
}
