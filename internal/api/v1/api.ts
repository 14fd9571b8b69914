import { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import type { LocalCopies } from "../../cache/local-copies.ts";
import type { ApiContext } from "../context.ts";
import { addDocs } from "../docs.ts";
import { type ApiApp, addEndpoint } from "../endpoint.ts";
import { Problem } from "../problem.ts";
import { reported } from "../route.ts";
import { marketsEndpoint } from "./markets.ts";
import { ohlcEndpoint } from "./ohlc.ts";
import { addOpenApi } from "./openapi.ts";
import { priceEndpoint } from "./price.ts";
import { followStore, makeService } from "./service.ts";
import { sourcesEndpoint } from "./sources.ts";
import { twapEndpoint } from "./twap.ts";
import { vwapEndpoint } from "./vwap.ts";

/**
 * The read API as an app that answers requests; it listens to nothing by itself.
 * @param copies of what the store holds; can outlive the app, and serve the next one
 */
export function createApi(context: ApiContext, copies: LocalCopies = followStore(context)): Hono {
  const { stopwatch } = context;
  const app: ApiApp = new OpenAPIHono();
  const service = makeService(context, copies);
  addEndpoint(app, stopwatch, vwapEndpoint(service));
  addEndpoint(app, stopwatch, twapEndpoint(service));
  addEndpoint(app, stopwatch, priceEndpoint(service));
  addEndpoint(app, stopwatch, ohlcEndpoint(service));
  addEndpoint(app, stopwatch, sourcesEndpoint(service));
  addEndpoint(app, stopwatch, marketsEndpoint(service));
  addOpenApi(app, stopwatch);
  addDocs(app, stopwatch);

  const paths = new Set(app.routes.map(({ path }) => path));
  app.notFound(
    reported("unmatched", stopwatch, ({ req: { path, method } }) => {
      if (!paths.has(path)) throw new Problem("route-not-found", `${path} is not known; /docs shows what is`);
      throw new Problem("method-not-allowed", `${method} is not answered here`, { headers: { Allow: "GET, HEAD" } });
    }),
  );
  return app;
}
