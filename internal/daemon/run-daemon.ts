import type { Registry } from "prom-client";
import type { PriceStore } from "../cache/store.ts";
import { type Address, listen } from "../http/server.ts";
import type { Logger } from "../obs/logger.ts";
import { createRegistry } from "../obs/registry.ts";
import { feedCircuitMetrics, logCircuitEvents } from "./circuits.ts";
import { feedDatabaseMetrics, logDatabaseEvents } from "./database.ts";
import { circuitsOf } from "./health.ts";
import { opsApp, type Readiness } from "./ops-app.ts";
import { pingInBackground, type Resources } from "./resources.ts";

/** A subscription to events, or a timer, that ends with the daemon. */
export interface Feed {
  readonly stop: () => void;
}

/** What distinguishes one daemon from the others. */
export interface DaemonParts {
  /** Subscribes the daemon's own metrics and log lines to its events. */
  readonly feeds: (registry: Registry, log: Logger) => readonly Feed[];
  /** The dependencies that `/readyz` checks. */
  readonly readiness: Pick<Readiness, "checks" | "oneOf">;
  /** Where `/healthz`, `/readyz` and `/metrics` are served. */
  readonly opsAddress: Address;
  /** Works until the daemon is told to stop, and returns once the work under way has ended. */
  readonly run: (ops: Address) => Promise<void>;
}

/**
 * Runs a daemon: subscribes metrics and logs, serves health and metrics, runs it, and shuts all of that down in the
 * opposite order.
 * @throws Error that names the address, where the ops listener cannot listen; what `run` throws
 */
export async function runDaemon(
  { database, store }: Pick<Resources, "database"> & { readonly store: PriceStore | null },
  log: Logger,
  { feeds, readiness, opsAddress, run }: DaemonParts,
): Promise<void> {
  const registry = createRegistry();
  const running = [
    ...feeds(registry, log),
    feedCircuitMetrics(registry),
    feedDatabaseMetrics(registry, () => pingInBackground(database)),
    logCircuitEvents(log),
    logDatabaseEvents(log),
  ];
  try {
    const ops = await listen(opsApp(registry, { ...readiness, circuits: circuitsOf(database, store) }), opsAddress);
    try {
      await run(ops);
    } finally {
      await ops.close();
    }
  } finally {
    for (const feed of running) feed.stop();
  }
}
