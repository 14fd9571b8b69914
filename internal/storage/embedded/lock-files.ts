import { closeSync, fsyncSync, linkSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { sync } from "./engine.ts";
import type { Identity } from "./identity.ts";
import { socketName } from "./socket-path.ts";

/** Who serves a directory, by the name of its socket, and since which boot of which machine. */
export interface Holder extends Identity {
  readonly boot: string | null;
  /** For people only: a number says nothing in another container. */
  readonly pid: number;
  readonly host: string;
}

/** One of the numbered lock files of a directory. The one with the highest number counts. */
export interface LockFile {
  readonly number: number;
  readonly path: string;
  /** Null where its holder gave the directory back in order. */
  readonly holder: Holder | null;
}

const NAME = /^lock\.(\d+)$/;

/** The lock file that counts; null where there is none. @throws SyntaxError where it cannot be read */
export function latestLockFile(directory: string): LockFile | null {
  const number = Math.max(0, ...numbers(directory));
  if (number === 0) return null;
  const path = join(directory, `lock.${number}`);
  return { number, path, holder: JSON.parse(readFileSync(path, "utf8")) as Holder | null };
}

/**
 * Adds the lock file of a number, whole or not at all. A number is given once, and one that is passed never counts again:
 * of several who found the same holder dead, one gets the lock, and whoever slept meanwhile does not.
 * @returns null where another was first
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
  if (Math.max(...numbers(directory)) > number) {
    rmSync(path);
    return null;
  }
  sync(directory);
  // The one before stays, for those who are just looking at it.
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
    const holder = JSON.parse(readFileSync(path, "utf8")) as Holder | null;
    if (holder !== null) rmSync(join(directory, socketName(holder.instance)), { force: true });
  } catch {
    // It counts no more, whatever is in it.
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
