import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Database } from "../database.ts";
import { DatabaseUnusable } from "../errors.ts";
import { connect } from "../pool.ts";
import type { ChildReport } from "./child-report.ts";
import { isAlive, type LockHolder } from "./lock.ts";

const MEMORY = "memory";
// Longest a new directory was seen to take is 5 s; a slow disk gets its time.
const STARTING_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_SECONDS = 5;

/**
 * Opens the embedded database in a directory, or one in memory (`memory`), in a process of its own. Where another
 * process serves the directory already, connects through that one.
 * @throws DatabaseUnusable where it cannot be started, or its holder does not answer
 */
export async function openEmbedded(directory: string): Promise<Database> {
  const socket = join(mkdtempSync(join(tmpdir(), "stellarindex-")), "db.sock");
  for (;;) {
    const child = fork(childProgram(), [directory === MEMORY ? "" : directory, socket], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const report = await firstReport(child, directory);
    if (report.state === "ready") return openThrough(socket, () => stopChild(child));
    await stopChild(child);
    const database = await openThroughHolder(directory, report.holder);
    if (database !== null) return database;
  }
}

/** Null where the holder has gone meanwhile. */
async function openThroughHolder(directory: string, { pid, socket }: LockHolder): Promise<Database | null> {
  const deadline = Date.now() + STARTING_TIMEOUT_MS;
  for (;;) {
    if (!isAlive(pid)) return null;
    const database = openThrough(socket, async () => {});
    try {
      await database.sql`SELECT 1`;
      return database;
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

function openThrough(socket: string, stop: () => Promise<void>): Database {
  // All connections share one session, so that more than one gains nothing.
  const sql = connect(null, { path: socket, user: "postgres", database: "postgres", ssl: false, max: 1 });
  return {
    sql,
    engine: "embedded",
    close: async () => {
      await sql.end({ timeout: CLOSE_TIMEOUT_SECONDS });
      await stop();
    },
  };
}

function firstReport(child: ChildProcess, directory: string): Promise<ChildReport> {
  return new Promise((resolve, reject) => {
    child.once("message", (report) => resolve(report as ChildReport));
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      reject(
        new DatabaseUnusable(
          `the embedded database in ${directory} did not start (${signal ?? `exit ${code}`}); ` +
            "see the lines above, and check that the directory can be written",
        ),
      );
    });
  });
}

/** Asks the process to close the database; past its time, ends it: what is committed is on disk by then. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  if (child.connected) child.disconnect();
  await exited;
  clearTimeout(timer);
}

function childProgram(): string {
  // Node 20 runs no TypeScript: run from the sources, as the tests are, the built program serves.
  const built = import.meta.url.endsWith(".ts") ? "../../../dist/internal/storage/embedded/child.js" : "./child.js";
  return fileURLToPath(new URL(built, import.meta.url));
}
