import { closeSync, fsyncSync, linkSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { sync } from "./engine.ts";
import type { Identity } from "./identity.ts";
import { socketName } from "./socket-path.ts";

/** The process that holds the lock of a directory. */
export interface Holder extends Identity {
  /** When its directory was made; null or missing where that is not known. */
  readonly birth?: string | null;
  /** Boot id of its machine. */
  readonly boot: string | null;
  /** For messages only: process ids differ between containers. */
  readonly pid: number;
  readonly host: string;
}

/** A numbered lock file; the highest number of a directory is the current one. */
export interface LockFile {
  readonly number: number;
  readonly path: string;
  /** Null after a clean release. */
  readonly holder: Holder | null;
}

// At most 15 digits, which a number holds exactly.
const NAME = /^lock\.(\d{1,15})$/;
const INSTANCE = /^[\w-]+$/;

/** Returns the current lock file; null if there is none. @throws Error if it is unreadable or malformed */
export function latestLockFile(directory: string): LockFile | null {
  const number = latestNumber(directory);
  if (number === 0) return null;
  const path = join(directory, `lock.${number}`);
  try {
    return { number, path, holder: readHolder(path) };
  } catch (error) {
    // Two newer lock files were added meanwhile, and the second of them removed this one.
    if (latestNumber(directory) > number) return latestLockFile(directory);
    throw error;
  }
}

function readHolder(path: string): Holder | null {
  const holder = JSON.parse(readFileSync(path, "utf8")) as Holder | null;
  if (holder !== null && !INSTANCE.test(holder.instance ?? "")) throw new SyntaxError(`${path} names no instance`);
  return holder;
}

function latestNumber(directory: string): number {
  return Math.max(0, ...numbers(directory));
}

/**
 * Creates the lock file of a number atomically. Each number is used once: of several processes that found the same
 * holder dead only one gets the lock, and a process that was suspended meanwhile does not.
 * @returns null if another process was faster
 */
export function addLockFile(directory: string, number: number, holder: Holder | null, draft: string): LockFile | null {
  const path = join(directory, `lock.${number}`);
  const unnamed = join(directory, draft);
  try {
    write(unnamed, JSON.stringify(holder));
    linkSync(unnamed, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return null;
  } finally {
    rmSync(unnamed, { force: true });
  }
  if (latestNumber(directory) > number) {
    rmSync(path);
    return null;
  }
  sync(directory);
  // The previous file stays, since another process may be reading it.
  for (const passed of numbers(directory).filter((other) => other < number - 1)) removePassed(directory, passed);
  return { number, path, holder };
}

function numbers(directory: string): number[] {
  return readdirSync(directory).flatMap((name) => {
    const [, number] = NAME.exec(name) ?? [];
    return number === undefined ? [] : [Number(number)];
  });
}

function removePassed(directory: string, number: number): void {
  const path = join(directory, `lock.${number}`);
  try {
    const holder = readHolder(path);
    if (holder !== null) rmSync(join(directory, socketName(holder.instance)), { force: true });
  } catch {
    // A file that is no longer current is removed even if it is malformed.
  }
  rmSync(path, { force: true });
}

function write(path: string, text: string): void {
  const descriptor = openSync(path, "w");
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
