import { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { addOpenApi } from "../../http/openapi.ts";
import type { ApiApp } from "../../http/route.ts";
import type { Serving } from "../../http/serving.ts";
import { answerUnmatched } from "../../http/unmatched.ts";
import type { ApiContext } from "../context.ts";
import { addDocs } from "../docs.ts";
import { addEndpoint, PRICES_READ } from "../endpoint.ts";
import { problemOf } from "../failure.ts";
import { coverageEndpoint } from "./coverage.ts";
import { marketsEndpoint } from "./markets.ts";
import { methodologyEndpoint } from "./methodology.ts";
import { ohlcEndpoint } from "./ohlc.ts";
import { OPENAPI } from "./openapi.ts";
import { policyEndpoint } from "./policy.ts";
import { priceEndpoint } from "./price.ts";
import { type AppState, makeAppState, makeService } from "./service.ts";
import { sourcesEndpoint } from "./sources.ts";
import { twapEndpoint } from "./twap.ts";
import { vwapEndpoint } from "./vwap.ts";

/**
 * Returns the read API as an app that answers requests; it does not listen.
 * @param state the state that a reload keeps when it replaces the app
 */
export function createApi(context: ApiContext, state: AppState = makeAppState(context)): Hono {
  const { settings, stopwatch } = context;
  const { keys } = settings;
  const serving: Serving<"read"> = {
    server: "api",
    stopwatch,
    admission: state.admission,
    limits: { read: settings },
    anonymous: { key: null, tenant: null, scopes: keys === "required" ? [] : [PRICES_READ] },
    problemOf,
  };
  const app: ApiApp = new OpenAPIHono();
  const service = makeService(context, state);
  addEndpoint(app, serving, vwapEndpoint(service));
  addEndpoint(app, serving, twapEndpoint(service));
  addEndpoint(app, serving, priceEndpoint(service));
  addEndpoint(app, serving, ohlcEndpoint(service));
  addEndpoint(app, serving, sourcesEndpoint(service));
  addEndpoint(app, serving, marketsEndpoint(service));
  addEndpoint(app, serving, coverageEndpoint(service));
  addEndpoint(app, serving, methodologyEndpoint(service));
  addEndpoint(app, serving, policyEndpoint(service));
  addOpenApi(app, serving, { ...OPENAPI, keys });
  addDocs(app, serving);
  answerUnmatched(app, serving, "/docs lists the endpoints");
  return app;
}
