import { z } from "@hono/zod-openapi";
import { formatTime } from "../../canonical/time.ts";
import { Problem } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import { retryConflicts } from "../../storage/connection/conflicts.ts";
import { inTransaction, READ_COMMITTED } from "../../storage/connection/transaction.ts";
import { audited } from "../../storage/control/audit.ts";
import { cover, type Interval, listCoverage, listGaps, moveWatermark } from "../../storage/control/coverage.ts";
import { declareFeed, type Feed, listFeeds, readFeed, removeFeed } from "../../storage/control/feeds.ts";
import { requireValidWindow } from "../runs/plan-run.ts";
import type { ControlService } from "./context.ts";
import {
  feedField,
  hostField,
  limitField,
  pageFrom,
  pageOf,
  reasonFields,
  reasonSchema,
  shownTime,
  sourceField,
  timeField,
} from "./fields.ts";
import { CONTROL_PROBLEMS } from "./problems.ts";
import { addControlRoute } from "./route.ts";
import { chunkField, kindField, payloadField } from "./work-fields.ts";

const TAG = "Feeds";
/** Intervals that are shown of one feed. */
const MOST_INTERVALS = 100;

const interval = z.object({ from: z.string(), to: z.string() });

const feedSchema = z
  .object({
    feed: z.string(),
    source: z.string(),
    host: z.string(),
    kind: z.string().openapi({ description: "the kind of job that fetches a window" }),
    payload: z.record(z.string(), z.unknown()),
    start_at: z.string(),
    chunk_seconds: z.int(),
    watermark: z.string().nullable().openapi({ description: "event time that it has come to" }),
    created_at: z.string(),
  })
  .openapi("Feed");

const detailsSchema = feedSchema
  .extend({
    gaps: z.array(interval).openapi({ description: "the first 100, from its start to its watermark" }),
    coverage: z.array(interval).openapi({ description: "the first 100" }),
  })
  .openapi("FeedDetails");

const EXAMPLE = {
  feed: "kraken:XLM-USD",
  source: "kraken",
  host: "api.kraken.com",
  kind: "trades.fetch",
  payload: { pair: "XLM/USD" },
  start_at: "2026-01-01T00:00:00Z",
  chunk_seconds: 3600,
  watermark: "2026-08-09T22:00:00Z",
  created_at: "2026-08-09T22:30:00Z",
};

const params = z.strictObject({ feed: feedField });
const listQuery = z.strictObject({ limit: limitField, cursor: feedField.optional() });
const page = pageOf(feedSchema).openapi("Feeds");
const coveredSchema = z.object({ watermark: z.string().nullable() });
const removedSchema = z.object({ removed: z.boolean() });

const declareSchema = z
  .strictObject({
    source: z.union([z.literal(""), sourceField]).default(""),
    host: z.union([z.literal(""), hostField]).default(""),
    kind: kindField,
    payload: payloadField,
    start_at: timeField,
    chunk: chunkField.default(3600),
    ...reasonFields,
  })
  .openapi("NewFeed");

const coveredField = z
  .strictObject({ from: timeField, to: timeField })
  .refine(({ from, to }) => from < to, "from is not before to: from is the first moment, to the first one after");
const coverSchema = z
  .strictObject({
    intervals: z.array(coveredField).max(1000).default([]),
    watermark: timeField.nullable().default(null),
  })
  .openapi("Covered");

/** Adds the routes of feeds: what is collected, how far each has come, and what is missing. */
export function addFeedsRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  const details = async (tenant: string, name: string) => {
    const [feed, gaps, coverage] = await Promise.all([
      readFeed(sql, tenant, name),
      listGaps(sql, tenant, name, { after: null, limit: MOST_INTERVALS }),
      listCoverage(sql, tenant, name, { after: null, limit: MOST_INTERVALS }),
    ]);
    if (feed === null) throw new Problem(CONTROL_PROBLEMS["not-found"], `there is no feed ${name}`);
    return { ...shownFeed(feed), gaps: gaps.map(shownInterval), coverage: coverage.map(shownInterval) };
  };
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/feeds",
      tag: TAG,
      operationId: "listFeeds",
      summary: "Feeds by name",
      description: "Lists the tenant's feeds. `next` is the `cursor` of the next page.",
      scope: "control:read",
      query: listQuery,
      answer: page,
      example: { data: [EXAMPLE], next: null },
    },
    async ({ tenant, query: { limit, cursor = null } }) =>
      pageFrom(await listFeeds(sql, tenant, cursor, limit + 1), limit, ({ feed }) => feed, shownFeed),
  );
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/feeds/{feed}",
      tag: TAG,
      operationId: "getFeed",
      summary: "One feed",
      description: "A feed with the intervals that it covers, and those that are missing.",
      scope: "control:read",
      params,
      answer: detailsSchema,
      example: { ...EXAMPLE, gaps: [], coverage: [] },
      problems: [CONTROL_PROBLEMS["not-found"]],
    },
    ({ tenant, params: { feed } }) => details(tenant, feed),
  );
  addControlRoute(
    app,
    service,
    {
      method: "put",
      path: "/feeds/{feed}",
      tag: TAG,
      operationId: "declareFeed",
      summary: "Declares a feed, or changes it",
      description: "What it covers stays as it is. The payload of a built-in kind is checked.",
      scope: "control:operate",
      params,
      body: declareSchema,
      answer: detailsSchema,
      example: { ...EXAMPLE, gaps: [], coverage: [] },
      problems: [CONTROL_PROBLEMS.refused],
    },
    async ({ tenant, actor, params: { feed }, body }) => {
      const { source, host, kind, payload, start_at: startAt, chunk: chunkSeconds, reason, ticket } = body;
      const given = { feed, source, host, kind, payload, startAt, chunkSeconds };
      requireValidWindow(kind, payload);
      await audited(
        sql,
        { tenant, name: actor, reason, ticket },
        { action: "feeds.declare", target: { feed } },
        async (transaction) => {
          const isNew = await declareFeed(transaction, tenant, given);
          return { result: isNew, shown: { is_new: isNew, kind, start_at: formatTime(startAt) } };
        },
      );
      return details(tenant, feed);
    },
  );
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: "/feeds/{feed}/cover",
      tag: TAG,
      operationId: "coverFeed",
      summary: "Says what a feed has",
      description:
        "For who collects live: adds intervals that are complete, and moves the watermark. Jobs of runs add their windows by themselves.",
      scope: "jobs:work",
      params,
      body: coverSchema,
      answer: coveredSchema,
      example: { watermark: EXAMPLE.watermark },
      problems: [CONTROL_PROBLEMS["not-found"], CONTROL_PROBLEMS.refused],
    },
    async ({ tenant, params: { feed }, body: { intervals, watermark } }) => {
      await retryConflicts(() =>
        inTransaction(sql, READ_COMMITTED, async (transaction) => {
          await cover(transaction, tenant, feed, intervals);
          if (watermark !== null) await moveWatermark(transaction, tenant, feed, watermark);
        }),
      );
      const found = await readFeed(sql, tenant, feed);
      if (found === null) throw new Problem(CONTROL_PROBLEMS["not-found"], `there is no feed ${feed}`);
      return { watermark: shownTime(found.watermark) };
    },
  );
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: "/feeds/{feed}/remove",
      tag: TAG,
      operationId: "removeFeed",
      summary: "Removes a feed",
      description: "Forgets a feed and what it covers. Its jobs stay.",
      scope: "control:admin",
      params,
      body: reasonSchema,
      answer: removedSchema,
      example: { removed: true },
    },
    async ({ tenant, actor, params: { feed }, body: { reason, ticket } }) => ({
      removed: await audited(
        sql,
        { tenant, name: actor, reason, ticket },
        { action: "feeds.remove", target: { feed } },
        async (transaction) => {
          const removed = await removeFeed(transaction, tenant, feed);
          return { result: removed, shown: { removed } };
        },
      ),
    }),
  );
}

function shownFeed({ startAt, chunkSeconds, createdAt, watermark, ...feed }: Feed) {
  return {
    ...feed,
    start_at: formatTime(startAt),
    chunk_seconds: chunkSeconds,
    watermark: shownTime(watermark),
    created_at: formatTime(createdAt),
  };
}

function shownInterval({ from, to }: Interval) {
  return { from: formatTime(from), to: formatTime(to) };
}
