import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Who serves an embedded database, and where: a second command connects through it. */
export interface LockHolder {
  readonly pid: number;
  readonly socket: string;
}

const LOCK_FILE = "lock.json";
const TAKEOVER_FILE = "lock.takeover";
const TAKEOVER_STALE_MS = 10_000;

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
    const holder = readLock(directory);
    if (holder !== null && isAlive(holder.pid)) return holder;
    if (replaceStaleLock(directory, own)) return null;
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

/** Only one process at a time may put its lock in the place of a dead one's. */
function replaceStaleLock(directory: string, own: string): boolean {
  const takeover = join(directory, TAKEOVER_FILE);
  try {
    writeFileSync(takeover, own, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const age = Date.now() - (statSync(takeover, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (age > TAKEOVER_STALE_MS) rmSync(takeover, { force: true });
    return false;
  }
  const holder = readLock(directory);
  if (holder !== null && isAlive(holder.pid)) {
    rmSync(takeover, { force: true });
    return false;
  }
  renameSync(takeover, join(directory, LOCK_FILE));
  return true;
}
