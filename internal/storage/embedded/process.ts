import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ChildReport } from "./child-report.ts";
import { guardAgainstOutliving } from "./guardian.ts";
import { NO_SIGN_OF_LIFE, watchSignsOfLife } from "./signs-of-life.ts";

/** What decides how the opening goes on. */
export type FirstReport = Exclude<ChildReport, { readonly state: "opening" }>;

/** The process of an embedded database. */
export interface DatabaseProcess {
  /** What it says first, or how it ended before it said anything. */
  readonly first: Promise<FirstReport>;
  /** Settles with the reason when it ends, however; it is ended where it is frozen. */
  readonly ended: Promise<string>;
  readonly hasEnded: () => boolean;
  /** Asks it to close the database; past its time, ends it: what is committed is on disk by then. */
  readonly stop: () => Promise<void>;
}

// After a crash all of the log is read, and written; a slow disk gets its time.
const STARTING_PATIENCE_MS = 300_000;
const STOP_TIMEOUT_MS = 10_000;

/** Starts the process that serves the directory. */
export function startProcess(directory: string, kind: "files" | "memory"): DatabaseProcess {
  const child = fork(childProgram(), [directory, kind], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const dismiss = child.pid === undefined ? () => {} : guardAgainstOutliving(child.pid);
  let reason: string | null = null;
  let stopWatching = (): void => {};
  child.on("message", (report: ChildReport) => {
    if (report.state === "failed") reason = report.reason;
    if (report.state !== "opening") return;
    stopWatching = watchSignsOfLife(report.lockFile, () => {
      reason = `it ${NO_SIGN_OF_LIFE} and was ended`;
      child.kill("SIGKILL");
    });
  });
  const ended = new Promise<string>((resolve) => {
    const settle = (fallback: string): void => {
      dismiss();
      stopWatching();
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
  };
}

async function firstReport(child: ChildProcess, ended: Promise<string>): Promise<FirstReport> {
  const timer = setTimeout(() => child.kill("SIGKILL"), STARTING_PATIENCE_MS);
  try {
    return await Promise.race([
      new Promise<FirstReport>((resolve) => {
        child.on("message", (report: ChildReport) => {
          if (report.state !== "opening") resolve(report);
        });
      }),
      ended.then((reason): FirstReport => ({ state: "failed", reason })),
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
