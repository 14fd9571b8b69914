import { setTimeout as sleep } from "node:timers/promises";
import { asError } from "../../lib/as-error.ts";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import type { Database } from "../connection/database.ts";
import { DatabaseUnusable } from "../connection/errors.ts";
import { connect } from "../connection/pool.ts";
import { openSockets } from "../connection/socket.ts";
import { diskSpaceProblem } from "./disk-space.ts";
import { withCure } from "./failure-reasons.ts";
import { directoryIdentity, isSameDirectory } from "./identity.ts";
import { nameOf } from "./lock.ts";
import { type Holder, latestLockFile } from "./lock-files.ts";
import { startProcess } from "./process.ts";
import { type IdentityConnection, requestIdentity } from "./request-identity.ts";
import { socketPath } from "./socket-path.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { NO_HEARTBEAT, watchHeartbeat } from "./watch-heartbeat.ts";

const MEMORY = "memory";
const HOLDER_TIMEOUT_MS = 60_000;
const CLOSE_TIMEOUT_SECONDS = 5;
const CONNECT_TIMEOUT_SECONDS = 10;

interface Options {
  /** Longest time that a query waits for its reply; null for no limit. */
  readonly queryTimeoutSeconds?: number | null;
  /** How long to wait for another process that holds the directory to answer. */
  readonly holderTimeoutMs?: number;
  readonly onLost?: (reason: string) => void;
  /** Called with the reason if the database could not be shut down cleanly. */
  readonly onUncleanShutdown?: (reason: string) => void;
}

/**
 * Opens the embedded database in a directory, or in memory (`memory`), in a process of its own. If another process
 * already serves the directory, connects to that one.
 * @throws DatabaseUnusable if it cannot be started, or its holder does not answer
 */
export async function openEmbedded(named: string, options: Options = {}): Promise<Database> {
  if (named !== MEMORY) return openDirectory(named, "files", options);
  return openDirectory(directoryForSocket(), MEMORY, options);
}

function directoryForSocket(): string {
  try {
    return temporaryDirectory();
  } catch (error) {
    throw new DatabaseUnusable(
      `the embedded database in memory did not start: ${withCure(MEMORY, asError(error).message)}`,
    );
  }
}

async function openDirectory(directory: string, kind: "files" | "memory", options: Options): Promise<Database> {
  const { holderTimeoutMs = HOLDER_TIMEOUT_MS } = options;
  const shown = kind === MEMORY ? "memory" : directory;
  for (;;) {
    const child = startProcess(directory, kind);
    const report = await child.first;
    switch (report.state) {
      case "ready": {
        let isClosing = false;
        void child.ended.then((reason) => {
          if (isClosing) return;
          const why = withCure(directory, reason);
          options.onLost?.(`the process of the embedded database in ${shown} has ended: ${why}`);
        });
        const stop = async (): Promise<void> => {
          isClosing ||= !child.hasEnded();
          const reason = await child.stop();
          if (!isClosing || reason === null) return;
          options.onUncleanShutdown?.(
            `the embedded database in ${shown} was not shut down cleanly: ${withCure(directory, reason)}`,
          );
        };
        const database = openThrough(directory, report.instance, { isServed: () => !child.hasEnded(), stop }, options);
        return kind === MEMORY ? database : { ...database, trouble: () => diskSpaceProblem(directory) };
      }
      case "held": {
        await child.stop();
        const database = await openThroughHolder(directory, report.holder, holderTimeoutMs, options);
        if (database !== null) return database;
        break;
      }
      case "refused":
        await child.stop();
        throw new DatabaseUnusable(report.message);
      case "failed":
        await child.stop();
        throw new DatabaseUnusable(
          `the embedded database in ${shown} did not start: ${withCure(directory, report.reason)}`,
        );
    }
  }
}

/** Returns null if the holder has ended meanwhile. */
async function openThroughHolder(
  directory: string,
  holder: Holder,
  timeoutMs: number,
  options: Options,
): Promise<Database | null> {
  const holderConnection = await connectHolder(directory, holder, timeoutMs);
  if (holderConnection === null) return null;
  if (!isSameDirectory(holderConnection.identity, directoryIdentity(directory))) {
    holderConnection.close();
    throw new DatabaseUnusable(
      `${directory} shares files with another directory, which ${nameOf(holder)} serves; ` +
        "name that one, or make a full copy",
    );
  }
  let isOver = false;
  let isClosing = false;
  const lost = (how: string): void => {
    if (isOver) return;
    isOver = true;
    if (isClosing) return;
    options.onLost?.(
      `${nameOf(holder)}, which served the embedded database in ${directory}, ${how}; start again: committed data is kept`,
    );
  };
  const lockFile = latestLockFile(directory)?.path ?? directory;
  const stopWatching = watchHeartbeat(lockFile, () => lost(NO_HEARTBEAT));
  holderConnection.onEnd(() => lost("has ended"));
  const isServed = (): boolean => !isOver;
  const stop = async (): Promise<void> => holderConnection.close();
  const database = openThrough(directory, holder.instance, { isServed, stop }, options);
  const close = async (): Promise<void> => {
    // After close, the loss of the holder is not reported.
    isClosing = true;
    stopWatching();
    await database.close();
  };
  return { ...database, close, trouble: () => diskSpaceProblem(directory) };
}

/** Returns null if the holder has ended. @throws DatabaseUnusable if it does not answer in time */
async function connectHolder(directory: string, holder: Holder, timeoutMs: number): Promise<IdentityConnection | null> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await requestIdentity(socketPath(directory, holder.instance), Math.max(1, deadline - performance.now()));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ECONNREFUSED" || code === "ENOENT") return null;
      if (performance.now() >= deadline) {
        throw new DatabaseUnusable(
          `the database in ${directory} is held by ${nameOf(holder)}, which does not answer (${String(error)}); ` +
            "wait until it has finished, or stop it (kill -CONT, then kill, if it is frozen)",
        );
      }
    }
    await sleep(100);
  }
}

function openThrough(
  directory: string,
  instance: string,
  server: { readonly isServed: () => boolean; readonly stop: () => Promise<void> },
  { queryTimeoutSeconds = null }: Options,
): Database {
  const sockets = openSockets({
    addresses: [{ path: socketPath(directory, instance) }],
    // The embedded database is never a standby.
    wanted: null,
    readServerState: async () => ({ role: "primary", timeline: 0 }),
    tls: null,
    connectTimeoutSeconds: CONNECT_TIMEOUT_SECONDS,
    readTimeoutSeconds: queryTimeoutSeconds,
  });
  const sql = connect(null, {
    user: "postgres",
    database: "postgres",
    ssl: false,
    // All connections share one session, so more than one would not help.
    max: 1,
    connect_timeout: 0,
    socket: sockets.open,
  });
  return {
    sql,
    engine: "embedded",
    // Not needed: the process ends if the database is lost.
    breaker: NO_CIRCUIT_BREAKER,
    close: async () => {
      // If the server has ended, the driver would wait forever for a lost query.
      await sql.end({ timeout: server.isServed() ? CLOSE_TIMEOUT_SECONDS : 0 });
      sockets.destroy();
      await server.stop();
    },
  };
}
