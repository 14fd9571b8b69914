import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ChildReport } from "./child-report.ts";
import { guardAgainstOutliving } from "./guardian.ts";

/** The process of an embedded database. */
export interface DatabaseProcess {
  /** What it says first, or how it ended before it said anything. */
  readonly first: Promise<ChildReport>;
  /** Settles with the reason when it ends, however. */
  readonly ended: Promise<string>;
  readonly hasEnded: () => boolean;
  /** Asks it to close the database; past its time, ends it: what is committed is on disk by then. */
  readonly stop: () => Promise<void>;
  readonly kill: () => void;
}

// After a crash all of the log is read, and written; a slow disk gets its time.
const STARTING_PATIENCE_MS = 300_000;
const STOP_TIMEOUT_MS = 10_000;

/** Starts the process that serves the directory. */
export function startProcess(directory: string, kind: "files" | "memory"): DatabaseProcess {
  const child = fork(childProgram(), [directory, kind], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const dismiss = child.pid === undefined ? () => {} : guardAgainstOutliving(child.pid);
  let reason: string | null = null;
  child.on("message", (report: ChildReport) => {
    if (report.state === "failed") reason = report.reason;
  });
  const ended = new Promise<string>((resolve) => {
    const settle = (fallback: string): void => {
      dismiss();
      // Its last words may come after the news of its end.
      if (child.connected) child.once("disconnect", () => resolve(reason ?? fallback));
      else resolve(reason ?? fallback);
    };
    child.once("error", (error) => settle(error.message));
    child.once("exit", (code, signal) => settle(`it ended with ${signal ?? `exit status ${code}`}`));
  });
  return {
    first: firstReport(child, ended),
    ended,
    hasEnded: () => hasEnded(child),
    stop: () => stopChild(child),
    kill: () => child.kill("SIGKILL"),
  };
}

async function firstReport(child: ChildProcess, ended: Promise<string>): Promise<ChildReport> {
  const timer = setTimeout(() => child.kill("SIGKILL"), STARTING_PATIENCE_MS);
  try {
    return await Promise.race([
      new Promise<ChildReport>((resolve) => child.once("message", resolve)),
      ended.then((reason): ChildReport => ({ state: "failed", reason })),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

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
