import type { Hono } from "hono";
import { PROBLEMS, Problem } from "./problem.ts";
import { reported, type Serving } from "./serving.ts";

/**
 * Answers requests that no route takes: 405 with the methods of the path, or 404. It knows the routes that were added
 * before.
 * @param hint tells the caller of an unknown path where the known ones are listed
 */
export function answerUnmatched(app: Hono, serving: Serving<"read">, hint: string): void {
  const routes = app.routes.map(({ path, method }) => ({ matches: matcherOf(path), method }));
  app.notFound(
    reported("unmatched", serving, "read", ({ req: { path, method } }) => {
      const methods = new Set(routes.filter(({ matches }) => matches(path)).map((route) => route.method));
      if (methods.size === 0) throw new Problem(PROBLEMS["route-not-found"], `${path} does not exist; ${hint}`);
      if (methods.has("GET")) methods.add("HEAD");
      throw new Problem(PROBLEMS["method-not-allowed"], `${method} is not supported here`, {
        headers: { Allow: [...methods].join(", ") },
      });
    }),
  );
}

/** Returns a function that matches paths with Hono's pattern of a route, such as `/jobs/:job`. */
function matcherOf(pattern: string): (path: string) => boolean {
  const segments = pattern.split("/").map((segment) => (segment.startsWith(":") ? null : segment));
  return (path) => {
    const given = path.split("/");
    return given.length === segments.length && segments.every((wanted, place) => isMatch(wanted, given[place] ?? ""));
  };
}

/** @param wanted null for any segment but an empty one */
function isMatch(wanted: string | null, given: string): boolean {
  return wanted === null ? given !== "" : wanted === given;
}
