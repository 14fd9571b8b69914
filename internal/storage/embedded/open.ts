import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { NO_GUARD } from "../../resilience/guard.ts";
import type { Database } from "../database.ts";
import { DatabaseUnusable } from "../errors.ts";
import { connect } from "../pool.ts";
import { openSockets } from "../socket.ts";
import { directoryIdentity, isSameDirectory } from "./identity.ts";
import { nameOf } from "./lock.ts";
import { type Holder, latestLockFile } from "./lock-files.ts";
import { type Meeting, meet } from "./meet.ts";
import { startProcess } from "./process.ts";
import { withCure } from "./reasons.ts";
import { NO_SIGN_OF_LIFE, watchSignsOfLife } from "./signs-of-life.ts";
import { socketPath } from "./socket-path.ts";
import { spaceLeft } from "./space.ts";

const MEMORY = "memory";
const HOLDER_PATIENCE_MS = 60_000;
const CLOSE_TIMEOUT_SECONDS = 5;
const CONNECT_TIMEOUT_SECONDS = 10;

interface Options {
  /** How long a query may be without an answer; null for as long as it takes. */
  readonly queryTimeoutSeconds?: number | null;
  readonly holderPatienceMs?: number;
  readonly onLost?: (reason: string) => void;
}

/**
 * Opens the embedded database in a directory, or one in memory (`memory`), in a process of its own. Where another
 * process serves the directory already, connects through that one.
 * @throws DatabaseUnusable where it cannot be started, or its holder does not answer
 */
export async function openEmbedded(named: string, options: Options = {}): Promise<Database> {
  if (named !== MEMORY) return openDirectory(named, "files", options);
  // For the socket alone.
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-"));
  return openDirectory(directory, MEMORY, options);
}

async function openDirectory(directory: string, kind: "files" | "memory", options: Options): Promise<Database> {
  const { holderPatienceMs = HOLDER_PATIENCE_MS } = options;
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
        const stop = (): Promise<void> => {
          isClosing = true;
          return child.stop();
        };
        const database = openThrough(directory, report.instance, { isServed: () => !child.hasEnded(), stop }, options);
        return kind === MEMORY ? database : { ...database, trouble: () => spaceLeft(directory) };
      }
      case "held": {
        await child.stop();
        const database = await openThroughHolder(directory, report.holder, holderPatienceMs, options);
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

/** Null where the holder has gone meanwhile. */
async function openThroughHolder(
  directory: string,
  holder: Holder,
  patienceMs: number,
  options: Options,
): Promise<Database | null> {
  const meeting = await meetHolder(directory, holder, patienceMs);
  if (meeting === null) return null;
  if (!isSameDirectory(meeting.identity, directoryIdentity(directory))) {
    meeting.leave();
    throw new DatabaseUnusable(
      `${directory} shares its files with another directory, which ${nameOf(holder)} serves; ` +
        "name that one, or make a copy whose files are its own",
    );
  }
  let isOver = false;
  const lost = (how: string): void => {
    if (isOver) return;
    isOver = true;
    options.onLost?.(`${nameOf(holder)}, which served the embedded database in ${directory}, ${how}`);
  };
  const lockFile = latestLockFile(directory)?.path ?? directory;
  const stopWatching = watchSignsOfLife(lockFile, () => lost(NO_SIGN_OF_LIFE));
  meeting.onEnd(() => lost("has ended"));
  const stop = async (): Promise<void> => {
    isOver = true;
    stopWatching();
    meeting.leave();
  };
  const database = openThrough(directory, holder.instance, { isServed: () => !isOver, stop }, options);
  return { ...database, trouble: () => spaceLeft(directory) };
}

/** Null where the holder has gone. @throws DatabaseUnusable where it does not answer in time */
async function meetHolder(directory: string, holder: Holder, patienceMs: number): Promise<Meeting | null> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await meet(socketPath(directory, holder.instance), Math.max(1, deadline - Date.now()));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ECONNREFUSED" || code === "ENOENT") return null;
      if (Date.now() >= deadline) {
        throw new DatabaseUnusable(
          `the database in ${directory} is held by ${nameOf(holder)}, which does not answer (${String(error)}); ` +
            "wait for what it is at, or stop it (kill -CONT, then kill, where it is frozen)",
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
    // It is never a standby.
    wanted: null,
    askStanding: async () => ({ role: "primary", timeline: 0 }),
    tls: null,
    connectTimeoutSeconds: CONNECT_TIMEOUT_SECONDS,
    silenceSeconds: queryTimeoutSeconds,
  });
  const sql = connect(null, {
    user: "postgres",
    database: "postgres",
    ssl: false,
    // All connections share one session, so that more than one gains nothing.
    max: 1,
    connect_timeout: 0,
    socket: sockets.open,
  });
  return {
    sql,
    engine: "embedded",
    // Where it is lost, the process ends.
    guard: NO_GUARD,
    close: async () => {
      // The driver would wait in vain for a query that was lost with its server.
      await sql.end({ timeout: server.isServed() ? CLOSE_TIMEOUT_SECONDS : 0 });
      sockets.destroy();
      await server.stop();
    },
  };
}
