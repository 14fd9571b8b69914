import { makeEventHub } from "../internal/control/stream/hub.ts";
import { createControlApp } from "../internal/control/v1/app.ts";
import { problemOf } from "../internal/control/v1/problems.ts";
import { withAccessControl } from "../internal/http/access-control.ts";
import { hashKey, makeKey } from "../internal/http/keys.ts";
import { makeRateLimiter } from "../internal/http/rate-limit.ts";
import { listen } from "../internal/http/server.ts";
import { stopwatch } from "../internal/lib/clock.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { httpLedger } from "../sdk/worker/src/http-ledger.ts";
import type { LeasedJob, Ledger } from "../sdk/worker/src/ledger.ts";

const SETTINGS = { requestTimeoutSeconds: 60, maxInFlight: 1000, maxConnections: 8 };

/** Serves the control API in this process; returns its ledger as a worker reaches it. */
export async function servedLedger(
  database: Database,
  tenant: string,
): Promise<{ readonly ledger: Ledger<LeasedJob>; readonly close: () => Promise<void> }> {
  const key = makeKey();
  const keys = [{ name: "bench", hash: hashKey(key), tenant, scopes: ["jobs:work"] }];
  const served = withAccessControl(
    createControlApp({ database, events: makeEventHub(database.sql), stopwatch, settings: SETTINGS }),
    { keys, rateLimitPerMinute: 0, trustedProxies: [], corsOrigins: [] },
    { limiter: makeRateLimiter(stopwatch, null), stopwatch, problemOf, server: "control" },
  );
  const { port, close } = await listen(served, { host: "127.0.0.1", port: 0 }, SETTINGS);
  return { ledger: httpLedger({ url: `http://127.0.0.1:${port}`, key }), close };
}
