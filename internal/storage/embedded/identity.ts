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
