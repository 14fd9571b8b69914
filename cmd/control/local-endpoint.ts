import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** A control API, and a key for it. */
export interface Endpoint {
  readonly url: string;
  readonly key: string;
}

/** What a process announces to commands of its user. */
export interface AnnouncedEndpoint extends Endpoint {
  /** The address of its gateway. */
  readonly gateway: string;
}

/** The directory is the user's alone: whoever can read the key may steer the process. */
function directory(): string {
  return join(tmpdir(), `stellarindex-${process.getuid?.() ?? "user"}`);
}

function file(): string {
  return join(directory(), "control.json");
}

/**
 * Announces the control API and the gateway of this process to commands of the same user, such as of `stellarindex start`.
 * @returns a function that withdraws it
 */
export function announceEndpoint(endpoint: AnnouncedEndpoint): () => void {
  mkdirSync(directory(), { recursive: true, mode: 0o700 });
  requireOwn();
  const text = JSON.stringify({ ...endpoint, pid: process.pid });
  // Whoever reads at the same time finds the file of before or this one, complete.
  const incoming = `${file()}.${process.pid}`;
  writeFileSync(incoming, text, { mode: 0o600, flag: "w" });
  renameSync(incoming, file());
  return () => {
    // A process that was started later has announced itself instead.
    if (readText() === text) rmSync(file(), { force: true });
  };
}

/** Returns what a process of this user has announced; null where there is none. */
export function announcedEndpoint(): AnnouncedEndpoint | null {
  const text = readText();
  if (text === null) return null;
  requireOwn();
  const { pid, ...endpoint } = JSON.parse(text) as AnnouncedEndpoint & { readonly pid: number };
  // Its key is sent to nobody else who listens at this address by now.
  return isRunning(pid) ? endpoint : null;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function readText(): string | null {
  try {
    return readFileSync(file(), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** @throws Error where another user could have put the directory there */
function requireOwn(): void {
  const { uid, mode } = lstatSync(directory());
  const isOthers = process.getuid !== undefined && uid !== process.getuid();
  if (isOthers || (mode & 0o077) !== 0) {
    throw new Error(`${directory()} is not this user's alone; remove it, or set TMPDIR to another directory`);
  }
}

/** Returns how the audit log names the user of the operating system. */
export function userActor(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    // A container may run as a user that has no name.
    return `cli:uid ${process.getuid?.() ?? "unknown"}`;
  }
}
