import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Who serves an embedded database, and where: a second command connects through it. */
export interface LockHolder {
  readonly pid: number;
  readonly socket: string;
}

const LOCK_FILE = "lock.json";
const TAKEOVER_FILE = "lock.takeover";
// A file that is being written is complete long before this.
const STALE_MS = 10_000;
const RETRY_MS = 20;

/**
 * Takes the lock of a database directory for this process. Two processes on one directory would lose data silently.
 * @returns null when taken, else its living holder
 */
export function takeLock(directory: string, socket: string): LockHolder | null {
  mkdirSync(directory, { recursive: true });
  const own = JSON.stringify({ pid: process.pid, socket });
  const file = join(directory, LOCK_FILE);
  for (;;) {
    try {
      writeFileSync(file, own, { flag: "wx" });
      return null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = livingHolder(directory);
    if (holder !== null) return holder;
    // One that cannot be read may be one that its holder is just writing.
    const isStale = readLock(directory) !== null || isOld(file);
    if (isStale && replaceStaleLock(directory, own)) return null;
    pause();
  }
}

/** Gives the lock back, where this process holds it. */
export function releaseLock(directory: string): void {
  if (readLock(directory)?.pid === process.pid) rmSync(join(directory, LOCK_FILE), { force: true });
}

export function readLock(directory: string): LockHolder | null {
  try {
    const { pid, socket } = JSON.parse(readFileSync(join(directory, LOCK_FILE), "utf8")) as Partial<LockHolder>;
    return typeof pid === "number" && typeof socket === "string" ? { pid, socket } : null;
  } catch {
    return null;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function livingHolder(directory: string): LockHolder | null {
  const holder = readLock(directory);
  // A lock with this process's own id was left by one that had the id before: common where ids start anew, in containers.
  return holder !== null && holder.pid !== process.pid && isAlive(holder.pid) ? holder : null;
}

/** Only one process at a time may put its lock in the place of a dead one's. */
function replaceStaleLock(directory: string, own: string): boolean {
  const takeover = join(directory, TAKEOVER_FILE);
  try {
    writeFileSync(takeover, own, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (isOld(takeover)) rmSync(takeover, { force: true });
    return false;
  }
  if (livingHolder(directory) !== null) {
    rmSync(takeover, { force: true });
    return false;
  }
  renameSync(takeover, join(directory, LOCK_FILE));
  return true;
}

function isOld(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - found.mtimeMs > STALE_MS;
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
}
