import { OpenAPIHono, z } from "@hono/zod-openapi";
import { onTestFinished } from "vitest";
import { stopwatch } from "../lib/clock.ts";
import { withAccessControl } from "./access-control.ts";
import { addRoute } from "./add-route.ts";
import { type AdmissionLimits, type Lane, makeAdmission, makeLane } from "./admission.ts";
import type { ReceivedStream } from "./body.ts";
import { contentOf } from "./content.ts";
import { contentResponse } from "./content-response.ts";
import { hashKey, makeKey } from "./keys.ts";
import { addOpenApi } from "./openapi.ts";
import type { Principal } from "./principal.ts";
import { PROBLEMS, Problem, problemKinds } from "./problem.ts";
import { makeRateLimiter } from "./rate-limit.ts";
import type { ApiApp, RouteInput } from "./route.ts";
import { listen } from "./server.ts";
import type { Serving } from "./serving.ts";
import { answerUnmatched } from "./unmatched.ts";

const READER = makeKey();
const WRITER = makeKey();
const KEYS = [
  { name: "reader", hash: hashKey(READER), scopes: ["jobs:read"] },
  { name: "writer", hash: hashKey(WRITER), scopes: ["jobs:read", "jobs:write"] },
];

/** The headers of a request with one of the keys. */
export const AS_READER = { Authorization: `Bearer ${READER}` };
export const AS_WRITER = { Authorization: `Bearer ${WRITER}` };

export const MAX_JOB_BYTES = 1_000;
export const MAX_ROWS_BYTES = 100_000;

const JOB_PROBLEMS = problemKinds({ "job-not-found": { status: 404, title: "No job", example: "job 1 is unknown" } });

const params = z.object({ job: z.string().regex(/^\d+$/, "is not a number") });
const jobSchema = z
  .strictObject({
    name: z.string().min(1, "is empty"),
    priority: z.int().default(0),
    steps: z.array(z.strictObject({ "a/b~c": z.int().optional(), kind: z.enum(["fetch", "store"]) })).default([]),
  })
  .openapi("Job");

/** What a test's routes do besides answering. */
export interface RouteWork {
  /** Runs for each job that is posted. */
  readonly store?: (input: {
    readonly body: z.output<typeof jobSchema>;
    readonly principal: Principal;
  }) => Promise<void>;
  /** Runs for each stream of rows; returns what is answered. */
  readonly readRows?: (rows: ReceivedStream) => Promise<unknown>;
  /** Runs for each read of a job. */
  readonly load?: () => Promise<void>;
}

const LIMITS: AdmissionLimits = { maxInFlight: 100, requestTimeoutSeconds: 10 };

export interface RouteApp {
  readonly url: string;
  readonly port: number;
  readonly app: ApiApp;
}

/** A small app with a route of each form, on a server of its own, which is closed with the test. */
export async function serveRoutes(
  work: RouteWork = {},
  {
    anonymous = [],
    read = LIMITS,
    write = LIMITS,
    maxStores = 10,
  }: {
    readonly anonymous?: readonly string[];
    readonly read?: AdmissionLimits;
    readonly write?: AdmissionLimits;
    readonly maxStores?: number;
  } = {},
): Promise<RouteApp> {
  const admission = makeAdmission("api");
  const serving: Serving = {
    server: "api",
    stopwatch,
    admission,
    limits: { read, write },
    anonymous: { key: null, tenant: null, scopes: anonymous },
    problemOf: (error) => (error instanceof Problem ? error : new Problem(PROBLEMS["internal-error"], "it failed")),
  };
  const lane = makeLane(admission, maxStores, stopwatch, () => write.maxInFlight);
  const app: ApiApp = new OpenAPIHono();
  addJobRoutes(app, serving, work, lane);
  addRowsRoute(app, serving, work);
  const info = { title: "Jobs", version: "1", description: "Jobs of a test." };
  const tags = [{ name: "Jobs", description: "Jobs." }];
  addOpenApi(app, serving, { path: "/openapi.json", tag: "Jobs", info, tags, keys: "required" });
  answerUnmatched(app, serving, "/openapi.json lists the routes");

  const limiter = makeRateLimiter(stopwatch, null);
  const access = { keys: KEYS, rateLimitPerMinute: 0, trustedProxies: [], corsOrigins: [] };
  const served = withAccessControl(app, access, { server: "api", limiter, stopwatch, problemOf: serving.problemOf });
  const { port, close } = await listen(served, { host: "127.0.0.1", port: 0 }, { requestTimeoutSeconds: 10 });
  onTestFinished(close);
  return { url: `http://127.0.0.1:${port}`, port, app };
}

function addJobRoutes(app: ApiApp, serving: Serving, { store, load }: RouteWork, lane: Lane): void {
  const common = { tag: "Jobs", description: "A route of a test.", problems: [] };
  addRoute(
    app,
    serving,
    {
      ...common,
      method: "get",
      path: "/jobs/{job}",
      operationId: "getJob",
      summary: "One job",
      scope: "jobs:read",
      admission: "read",
      params,
      query: z.strictObject({ limit: z.coerce.number().max(9).optional() }),
      answers: { 200: { description: "The job", schema: z.unknown() }, 304: { description: "Not modified" } },
      problems: [JOB_PROBLEMS["job-not-found"]],
    },
    async (input, c) => {
      await load?.();
      if (input.params.job === "404") throw new Problem(JOB_PROBLEMS["job-not-found"], "job 404 is unknown");
      return contentResponse(c, contentOf(shown(input)), "application/json", "no-cache");
    },
  );
  addRoute(
    app,
    serving,
    {
      ...common,
      method: "post",
      path: "/jobs",
      operationId: "addJob",
      summary: "Adds a job",
      scope: "jobs:write",
      admission: "write",
      body: { schema: jobSchema, maxBytes: MAX_JOB_BYTES },
      answers: { 201: { description: "The job", schema: jobSchema } },
    },
    (input) => {
      const deadline = stopwatch() + serving.limits.write.requestTimeoutSeconds;
      return lane(
        async () => {
          await store?.(input);
          return new Response(shown(input), { status: 201, headers: { "Content-Type": "application/json" } });
        },
        input.principal.key ?? "",
        deadline,
      );
    },
  );
  addRoute(
    app,
    serving,
    {
      ...common,
      method: "delete",
      path: "/jobs/{job}",
      operationId: "cancelJob",
      summary: "Cancels a job",
      scope: "jobs:write",
      admission: "write",
      params,
      answers: { 204: { description: "Cancelled" } },
    },
    () => new Response(null, { status: 204 }),
  );
}

function addRowsRoute(app: ApiApp, serving: Serving, { readRows }: RouteWork): void {
  addRoute(
    app,
    serving,
    {
      tag: "Jobs",
      description: "A route of a test.",
      problems: [],
      method: "post",
      path: "/rows",
      operationId: "sendRows",
      summary: "Takes rows as they arrive",
      scope: null,
      admission: "write",
      body: {
        content: { "application/x-ndjson": z.string(), "application/json": z.array(z.unknown()) },
        maxBytes: MAX_ROWS_BYTES,
      },
      answers: { 200: { description: "What was read", schema: z.unknown() } },
    },
    async ({ body }) => Response.json((await (readRows ?? countBytes)(body)) ?? null),
  );
}

async function countBytes({ contentType, bytes }: ReceivedStream): Promise<unknown> {
  let size = 0;
  for await (const chunk of bytes) size += chunk.length;
  return { contentType, size };
}

function shown({ params, query, body, principal: { key } }: RouteInput<unknown, unknown, unknown>): string {
  return JSON.stringify({ params, query, body, key });
}
