import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { NO_GUARD } from "../../resilience/guard.ts";
import type { Database } from "../database.ts";
import { DatabaseUnusable } from "../errors.ts";
import { connect } from "../pool.ts";
import type { ChildReport } from "./child-report.ts";
import { isAlive, type LockHolder } from "./lock.ts";

const MEMORY = "memory";
// Longest a new directory was seen to take is 5 s; a slow disk gets its time.
const STARTING_PATIENCE_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const HOLDER_CHECK_MS = 1_000;
const CLOSE_TIMEOUT_SECONDS = 5;
const CONNECT_TIMEOUT_SECONDS = 10;

/**
 * Opens the embedded database in a directory, or one in memory (`memory`), in a process of its own. Where another
 * process serves the directory already, connects through that one.
 * @throws DatabaseUnusable where it cannot be started, or its holder does not answer
 */
export async function openEmbedded(
  directory: string,
  {
    holderPatienceMs = STARTING_PATIENCE_MS,
    onLost = () => {},
  }: { readonly holderPatienceMs?: number; readonly onLost?: (reason: string) => void } = {},
): Promise<Database> {
  for (;;) {
    const socketDirectory = mkdtempSync(join(tmpdir(), "stellarindex-"));
    const socket = join(socketDirectory, "db.sock");
    const child = fork(childProgram(), [directory === MEMORY ? "" : directory, socket], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    // The child does the same, for when it outlives this process; one that is killed cannot.
    child.once("exit", () => rmSync(socketDirectory, { recursive: true, force: true }));
    const report = await firstReport(child, directory);
    if (report.state === "ready") {
      let isClosing = false;
      child.once("exit", () => {
        if (!isClosing) onLost(`the process of the embedded database in ${directory} has ended`);
      });
      const stop = (): Promise<void> => {
        isClosing = true;
        return stopChild(child);
      };
      return openThrough(socket, { isServed: () => !hasEnded(child), stop });
    }
    await stopChild(child);
    if (report.state === "failed") throw notStarted(directory, report.reason);
    const database = await openThroughHolder(directory, report.holder, holderPatienceMs, onLost);
    if (database !== null) return database;
  }
}

/** Null where the holder has gone meanwhile. */
async function openThroughHolder(
  directory: string,
  { pid, socket }: LockHolder,
  patienceMs: number,
  onLost: (reason: string) => void,
): Promise<Database | null> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    if (!isAlive(pid)) return null;
    const database = openThrough(
      socket,
      { isServed: () => isAlive(pid), stop: async () => {} },
      Math.min(CONNECT_TIMEOUT_SECONDS, patienceMs / 1000),
    );
    try {
      await database.sql`SELECT 1`;
      return watchHolder(database, pid, () =>
        onLost(`process ${pid}, which served the embedded database in ${directory}, has ended`),
      );
    } catch (error) {
      await database.sql.end({ timeout: 0 });
      if (Date.now() > deadline) {
        throw new DatabaseUnusable(
          `the database in ${directory} is held by process ${pid}, which does not answer (${String(error)}); ` +
            `stop that process, or remove ${join(directory, "lock.json")} if it is another program`,
        );
      }
    }
    await sleep(100);
  }
}

function openThrough(
  socket: string,
  server: { readonly isServed: () => boolean; readonly stop: () => Promise<void> },
  connectTimeoutSeconds: number = CONNECT_TIMEOUT_SECONDS,
): Database {
  const sql = connect(null, {
    path: socket,
    user: "postgres",
    database: "postgres",
    ssl: false,
    // All connections share one session, so that more than one gains nothing.
    max: 1,
    connect_timeout: connectTimeoutSeconds,
  });
  return {
    sql,
    engine: "embedded",
    // Where it is lost, the process ends.
    guard: NO_GUARD,
    close: async () => {
      // The driver would wait in vain for a query that was lost with its server.
      await sql.end({ timeout: server.isServed() ? CLOSE_TIMEOUT_SECONDS : 0 });
      await server.stop();
    },
  };
}

/** A holder is no child of ours, so nobody tells when it ends. */
function watchHolder(database: Database, pid: number, onEnd: () => void): Database {
  const timer = setInterval(() => {
    if (isAlive(pid)) return;
    clearInterval(timer);
    onEnd();
  }, HOLDER_CHECK_MS);
  timer.unref();
  return {
    ...database,
    close: () => {
      clearInterval(timer);
      return database.close();
    },
  };
}

function firstReport(child: ChildProcess, directory: string): Promise<ChildReport> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STARTING_PATIENCE_MS);
    child.once("message", (report) => {
      clearTimeout(timer);
      resolve(report as ChildReport);
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      reject(notStarted(directory, `it ended with ${signal ?? `exit status ${code}`}`));
    });
  });
}

function notStarted(directory: string, reason: string): DatabaseUnusable {
  return new DatabaseUnusable(
    `the embedded database in ${directory} did not start (${reason}); check that the directory can be written`,
  );
}

/** Asks the process to close the database; past its time, ends it: what is committed is on disk by then. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  if (child.connected) child.disconnect();
  await exited;
  clearTimeout(timer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function childProgram(): string {
  // Node 20 runs no TypeScript: run from the sources, as the tests are, the built program serves.
  const built = import.meta.url.endsWith(".ts") ? "../../../dist/internal/storage/embedded/child.js" : "./child.js";
  return fileURLToPath(new URL(built, import.meta.url));
}
