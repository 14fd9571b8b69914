import { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { ANY_SOURCE } from "../../canonical/trade-rules.ts";
import { makeAdmission } from "../../http/admission.ts";
import { addOpenApi } from "../../http/openapi.ts";
import type { ApiApp } from "../../http/route.ts";
import type { Serving } from "../../http/serving.ts";
import { answerUnmatched } from "../../http/unmatched.ts";
import { addGetEvent, EVENTS_READ, EVENTS_READ_ANY } from "./get-event.ts";
import { addPostEvent, EVENTS_WRITE } from "./post-event.ts";
import { problemOf } from "./problems.ts";
import type { GatewayService } from "./service.ts";
import { addTradesRoute, sourceScope, TRADES_WRITE } from "./trades-route.ts";

/** The settings of the gateway's app. */
export interface GatewaySettings {
  readonly maxInFlight: number;
  readonly requestTimeoutSeconds: number;
  /** Whether requests without an API key may write trades of any source, post events, and see them. */
  readonly isOpen: boolean;
}

const OPEN = [TRADES_WRITE, sourceScope(ANY_SOURCE), EVENTS_WRITE, EVENTS_READ, EVENTS_READ_ANY];

/** The path of the gateway's OpenAPI document. */
export const GATEWAY_DOCUMENT = "/v1/gateway/openapi.json";

/**
 * Returns the gateway as an app that answers requests; it does not listen.
 * @param stopwatch a monotonic clock, in seconds
 */
export function createGatewayApp(service: GatewayService, settings: GatewaySettings, stopwatch: () => number): Hono {
  const serving: Serving = {
    server: "gateway",
    stopwatch,
    admission: makeAdmission("gateway"),
    limits: { read: settings, write: settings },
    anonymous: { key: null, tenant: null, scopes: settings.isOpen ? OPEN : [] },
    problemOf,
  };
  const app: ApiApp = new OpenAPIHono();
  addTradesRoute(app, serving, service);
  addPostEvent(app, serving, service);
  addGetEvent(app, serving, service);
  addOpenApi(app, serving, {
    path: GATEWAY_DOCUMENT,
    tag: "Documentation",
    info: {
      title: "Stellar Index gateway",
      version: "1",
      description:
        "Takes trades and events. What it has answered for is on disk. Errors are `application/problem+json` (RFC 9457) with a stable `type`.",
    },
    tags: [
      { name: "Trades", description: "Sending trades." },
      { name: "Events", description: "Posting events, and seeing where they are." },
      { name: "Documentation", description: "The gateway's own description." },
    ],
    keys: "required",
  });
  answerUnmatched(app, serving, `${GATEWAY_DOCUMENT} lists the routes`);
  return app;
}
