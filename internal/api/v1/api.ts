import { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { etag } from "hono/etag";
import { methodNotAllowed } from "hono/method-not-allowed";
import { asError } from "../../canonical/as-error.ts";
import type { ApiContext } from "../context.ts";
import { addDocs } from "../docs.ts";
import { type ApiApp, addEndpoint } from "../endpoint.ts";
import { problemOf } from "../failure.ts";
import { Problem, problemResponse } from "../problem.ts";
import { invalidQuery } from "../query.ts";
import { reportFailure, reportRequests } from "../report.ts";
import { marketsEndpoint } from "./markets.ts";
import { ohlcEndpoint } from "./ohlc.ts";
import { addOpenApi } from "./openapi.ts";
import { priceEndpoint } from "./price.ts";
import { makeService } from "./service.ts";
import { sourcesEndpoint } from "./sources.ts";
import { twapEndpoint } from "./twap.ts";
import { vwapEndpoint } from "./vwap.ts";

/** The read API as an app that answers requests; it listens to nothing by itself. */
export function createApi(context: ApiContext): Hono {
  const app: ApiApp = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success) throw invalidQuery(result.error);
    },
  });
  app.use(reportRequests(context.stopwatch));
  app.use(async (c, next) => {
    await next();
    c.res.headers.set("X-Content-Type-Options", "nosniff");
  });
  app.use(etag());
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: ({ req }, methods) =>
        problemResponse(
          new Problem("method-not-allowed", `${req.method} is not answered here`, {
            headers: { Allow: methods.join(", ") },
          }),
        ),
    }),
  );
  app.onError((error, c) => {
    const problem = problemOf(error);
    reportFailure(c, problem.kind, asError(error));
    return problemResponse(problem);
  });
  app.notFound(({ req }) =>
    problemResponse(new Problem("route-not-found", `${req.path} is not known; /docs shows what is`)),
  );

  const service = makeService(context);
  addEndpoint(app, vwapEndpoint(service));
  addEndpoint(app, twapEndpoint(service));
  addEndpoint(app, priceEndpoint(service));
  addEndpoint(app, ohlcEndpoint(service));
  addEndpoint(app, sourcesEndpoint(service));
  addEndpoint(app, marketsEndpoint(service));
  addOpenApi(app);
  addDocs(app);
  return app;
}
