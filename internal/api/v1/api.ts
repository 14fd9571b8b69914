import { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import type { ApiContext } from "../context.ts";
import { addDocs } from "../docs.ts";
import { type ApiApp, addEndpoint } from "../endpoint.ts";
import { Problem } from "../problem.ts";
import { reported, type Serving } from "../route.ts";
import { marketsEndpoint } from "./markets.ts";
import { methodologyEndpoint } from "./methodology.ts";
import { ohlcEndpoint } from "./ohlc.ts";
import { addOpenApi } from "./openapi.ts";
import { priceEndpoint } from "./price.ts";
import { type Lasting, makeLasting, makeService } from "./service.ts";
import { sourcesEndpoint } from "./sources.ts";
import { twapEndpoint } from "./twap.ts";
import { vwapEndpoint } from "./vwap.ts";

/**
 * The read API as an app that answers requests; it listens to nothing by itself.
 * @param lasting what can outlive the app, and serve the next one
 */
export function createApi(context: ApiContext, lasting: Lasting = makeLasting(context)): Hono {
  const { settings, stopwatch } = context;
  const { load } = lasting;
  const serving: Serving = { stopwatch, load, limits: settings, requireKey: settings.keys === "required" };
  const app: ApiApp = new OpenAPIHono();
  const database = load.boundedDatabase(context.database, settings);
  const service = makeService(context, database, lasting);
  addEndpoint(app, serving, vwapEndpoint(service));
  addEndpoint(app, serving, twapEndpoint(service));
  addEndpoint(app, serving, priceEndpoint(service));
  addEndpoint(app, serving, ohlcEndpoint(service));
  addEndpoint(app, serving, sourcesEndpoint(service));
  addEndpoint(app, serving, marketsEndpoint(service));
  addEndpoint(app, serving, methodologyEndpoint(service));
  addOpenApi(app, serving, settings.keys);
  addDocs(app, serving);

  const paths = new Set(app.routes.map(({ path }) => path));
  app.notFound(
    reported("unmatched", serving, ({ req: { path, method } }) => {
      if (!paths.has(path)) throw new Problem("route-not-found", `${path} is not known; /docs shows what is`);
      throw new Problem("method-not-allowed", `${method} is not answered here`, { headers: { Allow: "GET, HEAD" } });
    }),
  );
  return app;
}
