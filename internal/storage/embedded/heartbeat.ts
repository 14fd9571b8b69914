import { statSync, utimesSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

/** Parameters of the thread: the lock file and the interval at which it is touched. */
export interface Heartbeat {
  readonly path: string;
  readonly everyMs: number;
}

// Runs in a worker thread, since a long query blocks the main event loop. Posts the path of a watched file that is
// missing or replaced.
const { path: lockFile, everyMs } = workerData as Heartbeat;
const watched = new Map<string, bigint>();
watch(lockFile);
parentPort?.on("message", watch);
parentPort?.unref();
const timer = setInterval(() => {
  try {
    const lost = [...watched.keys()].find((path) => inodeOf(path) !== watched.get(path));
    if (lost !== undefined) {
      clearInterval(timer);
      parentPort?.postMessage(lost);
      return;
    }
    const now = new Date();
    utimesSync(lockFile, now, now);
  } catch {
    // The disk failed: the watcher notices the missing heartbeat.
  }
}, everyMs);

/** Adds a file to those whose inode is checked at each beat. */
function watch(path: string): void {
  watched.set(path, statSync(path, { bigint: true }).ino);
}

/** Returns undefined if there is no such file. */
function inodeOf(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
