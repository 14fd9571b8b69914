import { readFileSync, statSync } from "node:fs";

/** What tells a directory from a copy of it, on one machine. */
export interface DirectoryIdentity {
  readonly device: string;
  readonly inode: string;
}

/** A directory, and the process that serves it: one instance is one opening. */
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

/** What tells one run of this machine's kernel from any other, the same in all its containers; null where it has no name. */
export function bootId(): string | null {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return null;
  }
}
