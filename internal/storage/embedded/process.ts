import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ChildReport } from "./child-report.ts";
import { NO_HEARTBEAT, watchHeartbeat } from "./watch-heartbeat.ts";
import { startWatchdog } from "./watchdog.ts";

/** The report that ends the start: ready, held, refused or failed. */
export type FirstReport = Exclude<ChildReport, { readonly state: "opening" }>;

/** The process of an embedded database. */
export interface DatabaseProcess {
  /** Its first report; `failed` if it ended before one. */
  readonly first: Promise<FirstReport>;
  /** Resolves with the reason when the process has ended; a frozen process is killed. */
  readonly ended: Promise<string>;
  readonly hasEnded: () => boolean;
  /**
   * Asks it to close the database, and kills it after a timeout; commits are durable in either case.
   * @returns why it could not close the database; null if it could, or was killed
   */
  readonly stop: () => Promise<string | null>;
}

// Crash recovery replays the whole WAL, which takes long on a slow disk.
const START_TIMEOUT_MS = 300_000;
/** Until it has the lock: it may watch a holder's heartbeat and wait for other servers first. */
const LOCK_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 10_000;

/** Starts the process that serves the directory. */
export function startProcess(directory: string, kind: "files" | "memory"): DatabaseProcess {
  const child = fork(childProgram(), [directory, kind], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const dismiss = child.pid === undefined ? () => {} : startWatchdog(child.pid);
  let reason: string | null = null;
  let stopWatching = (): void => {};
  child.on("message", (report: ChildReport) => {
    if (report.state === "failed") reason = report.reason;
    if (report.state !== "opening") return;
    stopWatching = watchHeartbeat(report.lockFile, () => {
      reason = `it ${NO_HEARTBEAT} and was killed`;
      child.kill("SIGKILL");
    });
  });
  const ended = new Promise<string>((resolve) => {
    const settle = (fallback: string): void => {
      dismiss();
      stopWatching();
      // Its last report may arrive after the exit event.
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
    stop: async () => {
      await stopChild(child);
      await ended;
      return reason;
    },
  };
}

async function firstReport(child: ChildProcess, ended: Promise<string>): Promise<FirstReport> {
  const end = (): boolean => child.kill("SIGKILL");
  let timer = setTimeout(end, LOCK_TIMEOUT_MS);
  try {
    return await Promise.race([
      new Promise<FirstReport>((resolve) => {
        child.on("message", (report: ChildReport) => {
          if (report.state !== "opening") return resolve(report);
          clearTimeout(timer);
          timer = setTimeout(end, START_TIMEOUT_MS);
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
  // If the channel is closed, the process stops on "disconnect".
  if (child.connected) child.send("stop", () => {});
  await exited;
  clearTimeout(timer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function childProgram(): string {
  // Node.js 20 does not run TypeScript: tests, which run from the sources, use the built program.
  const built = import.meta.url.endsWith(".ts") ? "../../../dist/internal/storage/embedded/child.js" : "./child.js";
  return fileURLToPath(new URL(built, import.meta.url));
}
