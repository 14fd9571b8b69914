import { readFileSync, statSync } from "node:fs";

/** Identifies a directory on one machine; a copy has another identity. */
export interface DirectoryIdentity {
  readonly device: string;
  readonly inode: string;
}

/** A directory and the instance that serves it; each opening is a new instance. */
export interface Identity extends DirectoryIdentity {
  readonly instance: string;
}

export function directoryIdentity(directory: string): DirectoryIdentity {
  const { dev, ino } = statSync(directory, { bigint: true });
  return { device: String(dev), inode: String(ino) };
}

export function isSameDirectory(a: DirectoryIdentity, b: DirectoryIdentity): boolean {
  return a.device === b.device && a.inode === b.inode;
}

/**
 * Returns when a directory was made, in nanoseconds since 1970, which no copy of it can take over; null where the file
 * system does not tell. Systems that cannot ask it give the time of the last change instead.
 */
export function birthOf(directory: string): string | null {
  const { birthtimeNs } = statSync(directory, { bigint: true });
  return birthtimeNs <= 0n ? null : String(birthtimeNs);
}

/** Returns when a file was last added to a directory, or removed, in nanoseconds since 1970. */
export function lastChangeOf(directory: string): string {
  return String(statSync(directory, { bigint: true }).ctimeNs);
}

/** Returns whether a path leads to the directory. */
export function isAt(path: string, identity: DirectoryIdentity): boolean {
  try {
    return isSameDirectory(directoryIdentity(path), identity);
  } catch {
    return false;
  }
}

/** Returns the kernel's boot id, which all containers of a machine share; null on systems without one. */
export function bootId(): string | null {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return null;
  }
}
