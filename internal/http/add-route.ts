import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { setBounded } from "../lib/bounded-map.ts";
import { andThen } from "../lib/maybe-promise.ts";
import type { AdmissionClass } from "./admission.ts";
import { type BodyOf, type RequestBody, receiveBody } from "./body.ts";
import { requireScope } from "./principal.ts";
import { invalidQuery } from "./query.ts";
import type { ApiApp, Route, RouteHandler } from "./route.ts";
import { routeDocument } from "./route-document.ts";
import { addHandler, principalOf, type Serving } from "./serving.ts";

const NOTHING = z.strictObject({});
type Nothing = typeof NOTHING;

const MAX_QUERIES = 1_000;

/**
 * Serves and documents a route, from one declaration. Requests without the scope, with invalid parameters or with an
 * invalid body are answered as problems, in this order, before `answer` is called.
 */
export function addRoute<
  Class extends AdmissionClass,
  Params extends z.ZodType = Nothing,
  Query extends z.ZodType = Nothing,
  Body extends RequestBody | undefined = undefined,
>(
  app: ApiApp,
  serving: Serving<Class>,
  route: Route<Class, Params, Query, Body>,
  answer: RouteHandler<z.output<Params>, z.output<Query>, BodyOf<Body>>,
): void {
  const { method, admission, scope, body } = route;
  const document = routeDocument(route, serving);
  app.openAPIRegistry.registerPath(document);
  const paramsOf = route.params === undefined ? () => ({}) as z.output<Params> : paramsParser(route.params);
  const queryOf = queryParser((route.query ?? NOTHING) as Query);

  addHandler(app, serving, { method, path: document.getRoutingPath(), admission }, (c) => {
    const principal = principalOf(c) ?? serving.anonymous;
    if (scope !== null) requireScope(principal, scope);
    const query = queryOf(c);
    const params = paramsOf(c);
    if (body === undefined) return answer({ principal, params, query, body: undefined as BodyOf<Body> }, c);
    // Where the request may not wait, not even the body is read for it.
    serving.admission.refuseIfFull();
    return andThen(receiveBody(c, body), (received) =>
      answer({ principal, params, query, body: received as BodyOf<Body> }, c),
    );
  });
}

/** @throws Problem that lists every error of the path parameters */
function paramsParser<Schema extends z.ZodType>(schema: Schema): (c: Context) => z.output<Schema> {
  return (c) => parsed(schema, c.req.param());
}

/**
 * Returns a function that parses queries, with a bounded cache by their exact text, which evicts the oldest entry.
 * Errors are not cached.
 * @throws Problem that lists every error of the query
 */
function queryParser<Schema extends z.ZodType>(schema: Schema): (c: Context) => z.output<Schema> {
  const known = new Map<string, z.output<Schema>>();
  return (c) => {
    const text = queryText(c.req.url);
    let query = known.get(text);
    if (query === undefined) {
      query = parsed(schema, givenQuery(c));
      setBounded(known, text, query, MAX_QUERIES);
    }
    return query;
  };
}

function parsed<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const result = schema.safeParse(given);
  if (!result.success) throw invalidQuery(result.error, given);
  return result.data;
}

/** Returns the query of a URL with its question mark. */
function queryText(url: string): string {
  const start = url.indexOf("?");
  return start === -1 ? "" : url.slice(start);
}

/** Returns the parameters by name; one that is given more than once has the list of its values. */
function givenQuery(c: Context): unknown {
  const given = Object.entries(c.req.queries()).map(([name, values]) => [
    name,
    values.length === 1 ? values[0] : values,
  ]);
  return Object.fromEntries(given);
}
