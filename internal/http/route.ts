import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { BlankEnv } from "hono/types";
import type { MaybePromise } from "../lib/maybe-promise.ts";
import type { AdmissionClass } from "./admission.ts";
import type { RequestBody } from "./body.ts";
import type { Principal } from "./principal.ts";
import type { ProblemKind } from "./problem.ts";

/** An app with an OpenAPI document. */
export type ApiApp = OpenAPIHono<BlankEnv>;

/** A route: what it takes, who may use it, what it answers, and its documentation. */
export interface Route<
  Class extends AdmissionClass,
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends RequestBody | undefined,
> {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** As in OpenAPI, such as `/jobs/{job}`. */
  readonly path: string;
  readonly tag: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  /** The scope that a request needs; null where everyone may use the route. */
  readonly scope: string | null;
  /** The class of requests that this one competes with. */
  readonly admission: Class;
  /** The schema of the path parameters, an object; none by default. */
  readonly params?: Params;
  /** The schema of the query, an object; none by default. Results are cached by the query's text. */
  readonly query?: Query;
  /** The body that the route takes; by default it takes none, and ignores one. */
  readonly body?: Body;
  /** The answers by status, without errors. */
  readonly answers: Readonly<Record<number, RouteAnswer>>;
  /**
   * The error answers of this route in addition to those of all routes; one of all routes where the documentation of
   * this route is to have another example of it.
   */
  readonly problems: readonly ProblemKind[];
}

/** An answer, for the documentation. */
export interface RouteAnswer {
  readonly description: string;
  /** The schema of the body; absent for an answer without a body. */
  readonly schema?: z.ZodType;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly example?: unknown;
}

/** A validated request. */
export interface RouteInput<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly principal: Principal;
}

/** Answers a validated request; an error that it throws is answered as a problem. */
export type RouteHandler<Params, Query, Body> = (
  input: RouteInput<Params, Query, Body>,
  c: Context,
) => MaybePromise<Response>;
