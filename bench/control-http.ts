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

/** A control API that this process serves. */
export interface ServedControl {
  readonly port: number;
  readonly key: string;
  /** Its ledger as a worker reaches it. */
  readonly ledger: Ledger<LeasedJob>;
  readonly close: () => Promise<void>;
}

/** Serves the control API in this process. */
export async function servedControl(database: Database, tenant: string): Promise<ServedControl> {
  const key = makeKey();
  const keys = [{ name: "bench", hash: hashKey(key), tenant, scopes: ["jobs:work", "control:read"] }];
  const events = makeEventHub(database.sql);
  const served = withAccessControl(
    createControlApp({ database, events, stopwatch, settings: SETTINGS }),
    { keys, rateLimitPerMinute: 0, trustedProxies: [], corsOrigins: [] },
    { limiter: makeRateLimiter(stopwatch, null), stopwatch, problemOf, server: "control" },
  );
  const { port, close } = await listen(served, { host: "127.0.0.1", port: 0 }, SETTINGS);
  return {
    ...{ port, key },
    ledger: httpLedger({ url: `http://127.0.0.1:${port}`, key }),
    close: () => {
      events.close();
      return close();
    },
  };
}
