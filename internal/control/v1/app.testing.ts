import { afterAll, beforeAll } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import type { ControlScope } from "../../config/sections/control.ts";
import { withAccessControl } from "../../http/access-control.ts";
import { hashKey, makeKey } from "../../http/keys.ts";
import { makeRateLimiter } from "../../http/rate-limit.ts";
import { type Listening, listen } from "../../http/server.ts";
import { stopwatch } from "../../lib/clock.ts";
import {
  openTestDatabase,
  type TestDatabase,
  type TestEngine,
  testEngines,
} from "../../storage/connection/database.testing.ts";
import { ensureTenants } from "../../storage/control/tenants.ts";
import { type EventHub, makeEventHub } from "../stream/hub.ts";
import { createControlApp } from "./app.ts";
import type { ControlContext } from "./context.ts";
import { problemOf } from "./problems.ts";
import { CONTROL_BASE } from "./route.ts";
import { withIncluded } from "./scopes.ts";

const SETTINGS = { requestTimeoutSeconds: 10, maxInFlight: 100, maxConnections: 5 };

/** Somebody who may call the control API. */
export interface Caller {
  readonly tenant: string;
  readonly scopes: readonly ControlScope[];
}

export interface Answered {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: documents have many shapes
  readonly body: any;
  readonly headers: Headers;
}

export interface TestControl {
  readonly database: TestDatabase;
  readonly events: EventHub;
  readonly url: string;
  /** The headers of a caller's requests. */
  readonly headersOf: (name: string) => Record<string, string>;
  /** Sends a request of a caller, by name. */
  readonly call: (name: string, method: string, path: string, body?: unknown) => Promise<Answered>;
}

/** Serves the control API to named callers for the tests of a suite, on a database of its own. */
export function serveTestControl<Name extends string>(
  callers: Readonly<Record<Name, Caller>>,
  settings: ControlContext["settings"] = SETTINGS,
  engine: TestEngine = enginesOf(testEngines)[0] as TestEngine,
): TestControl {
  const secrets = new Map(Object.keys(callers).map((name) => [name, makeKey()]));
  const keys = Object.entries<Caller>(callers).map(([name, { tenant, scopes }]) => ({
    name,
    hash: hashKey(secrets.get(name) ?? ""),
    tenant,
    scopes: withIncluded(scopes),
  }));
  const control = {} as { database: TestDatabase; events: EventHub; listening: Listening };
  beforeAll(async () => {
    const database = await openTestDatabase(engine);
    await ensureTenants(
      database.sql,
      keys.map(({ tenant }) => tenant),
    );
    const events = makeEventHub(database.sql);
    const app = createControlApp({ database, events, stopwatch, settings });
    const access = { keys, rateLimitPerMinute: 0, trustedProxies: [], corsOrigins: [] };
    const parts = { server: "control", limiter: makeRateLimiter(stopwatch, null), stopwatch, problemOf } as const;
    const served = withAccessControl(app, access, parts);
    control.database = database;
    control.events = events;
    control.listening = await listen(served, { host: "127.0.0.1", port: 0 }, settings);
  });
  afterAll(async () => {
    control.events?.close();
    await control.listening?.close();
    await control.database?.drop();
  });
  const headersOf = (name: string) => ({ Authorization: `Bearer ${secrets.get(name)}` });
  const url = () => `http://127.0.0.1:${control.listening.port}${CONTROL_BASE}`;
  return {
    get database() {
      return control.database;
    },
    get events() {
      return control.events;
    },
    get url() {
      return url();
    },
    headersOf,
    call: async (name, method, path, body) => {
      const headers = { ...headersOf(name), ...(body !== undefined && { "Content-Type": "application/json" }) };
      const response = await fetch(url() + path, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, headers: response.headers, body: await response.json() };
    },
  };
}
