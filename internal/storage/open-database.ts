import { makeCircuitBreaker, NO_CIRCUIT_BREAKER } from "../lib/circuit-breaker.ts";
import type { ConnectionOptions, Database, DatabaseSettings } from "./connection/database.ts";
import { isTransient, isUnavailable } from "./connection/errors.ts";
import { explainOpenError } from "./connection/open-errors.ts";
import { connectServer } from "./connection/server.ts";
import { openEmbedded } from "./embedded/open.ts";

const EMBEDDED = "pglite:";
const CLOSE_TIMEOUT_SECONDS = 5;

/**
 * Opens the database of the URL: `postgres://…`, or `pglite:<dir>` / `pglite:memory` for the embedded one. `onLost` is
 * called when the process of the embedded one ends unexpectedly: this handle is then dead, and a new one must be
 * opened. `onUncleanShutdown` is called with the reason when it could not be shut down cleanly.
 * @throws DatabaseUnusable whose message says what to do and never contains the password
 */
export async function openDatabase(
  { url, max_connections, connect_timeout_seconds = 5 }: DatabaseSettings,
  {
    queryTimeoutSeconds,
    circuit,
    onAnswer,
    acceptsStandby = false,
    onLost = () => {},
    onUncleanShutdown = () => {},
    env = process.env,
  }: ConnectionOptions & {
    readonly onLost?: (reason: string) => void;
    readonly onUncleanShutdown?: (reason: string) => void;
    /** Environment with libpq's variables (`PGHOST`, …), the defaults for what the URL leaves out. */
    readonly env?: Readonly<Record<string, string | undefined>>;
  } = {},
): Promise<Database> {
  if (url.startsWith(EMBEDDED)) {
    return openEmbedded(url.slice(EMBEDDED.length), {
      onLost,
      onUncleanShutdown,
      queryTimeoutSeconds: queryTimeoutSeconds ?? null,
    });
  }
  const server = await connectServer(url, {
    maxConnections: max_connections,
    connectTimeoutSeconds: connect_timeout_seconds,
    queryTimeoutSeconds: queryTimeoutSeconds ?? null,
    env,
    acceptsStandby,
  }).catch((error: unknown) => {
    throw explainOpenError(error);
  });
  const breaker =
    circuit === undefined
      ? NO_CIRCUIT_BREAKER
      : makeCircuitBreaker("the database", circuit, isUnavailable, isTransient);
  const { sql, isPooled } = server;
  return { sql, engine: "postgres", isPooled, breaker, onAnswer, close: () => server.close(CLOSE_TIMEOUT_SECONDS) };
}
