import type { z } from "@hono/zod-openapi";
import type { ControlScope } from "../../config/sections/control.ts";
import { addRoute } from "../../http/add-route.ts";
import type { BodyOf, JsonBody } from "../../http/body.ts";
import { contentOf } from "../../http/content.ts";
import { contentResponse } from "../../http/content-response.ts";
import type { Principal } from "../../http/principal.ts";
import type { ProblemKind } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import { SECURE_HEADERS } from "../../http/secure-headers.ts";
import type { ControlService } from "./context.ts";

/** The base of all paths. */
export const CONTROL_BASE = "/control/v1";

const MAX_BODY_BYTES = 1_048_576;

type Empty = z.ZodObject<Record<never, never>>;

/** A route of the control API; see {@link Route}. */
export interface ControlRoute<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: "get" | "post" | "put" | "delete";
  /** Below {@link CONTROL_BASE}. */
  readonly path: string;
  readonly tag: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly scope: ControlScope;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** The schema of the answer. */
  readonly answer: z.ZodType;
  readonly example: unknown;
  readonly problems?: readonly ProblemKind[];
}

/** A request, validated, by somebody of a tenant. */
export interface ControlInput<Params, Query, Body> {
  readonly tenant: string;
  /** The name of the key, as the audit log shows it. */
  readonly actor: string;
  readonly principal: Principal;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

/**
 * Serves and documents a route of the control API. The handler returns the document to answer with; it runs in the service's lane, and sees one tenant: that of
 * the request's key.
 */
export function addControlRoute<
  Params extends z.ZodType = Empty,
  Query extends z.ZodType = Empty,
  Body extends z.ZodType = z.ZodUndefined,
>(
  app: ApiApp,
  { serving, lane }: ControlService,
  { answer, example, path, body, problems = [], ...route }: ControlRoute<Params, Query, Body>,
  handle: (input: ControlInput<z.output<Params>, z.output<Query>, z.output<Body>>) => Promise<unknown>,
): void {
  const isRead = route.method === "get";
  const admission = isRead ? "read" : "write";
  const answers = { 200: { description: "The answer", schema: answer, example } };
  const json = (body === undefined ? undefined : { schema: body, maxBytes: MAX_BODY_BYTES }) as JsonBody<Body>;
  addRoute<"read" | "write", Params, Query, JsonBody<Body>>(
    app,
    serving,
    { ...route, path: CONTROL_BASE + path, admission, answers, problems, ...(json && { body: json }) },
    ({ principal, params, query, body: given }, c) => {
      const { key, tenant } = principal;
      if (key === null || tenant === null) throw new Error(`a request without a tenant reached ${path}`);
      const input = { tenant, actor: key, principal, params, query, body: given as BodyOf<JsonBody<Body>> };
      const deadline = serving.stopwatch() + serving.limits[admission].requestTimeoutSeconds;
      return lane(
        async () => {
          const text = JSON.stringify(await handle(input));
          if (isRead) return contentResponse(c, contentOf(text), "application/json", "private, no-cache");
          const headers = { "Content-Type": "application/json", "Cache-Control": "no-store", ...SECURE_HEADERS };
          return new Response(text, { headers });
        },
        key,
        deadline,
        tenant,
      );
    },
  );
}
