import { readdirSync, rmSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { temporaryDirectory } from "./temporary-directory.ts";

// Longest socket path: 104 bytes on macOS, 108 on Linux, including the terminating zero.
const LONGEST = 103;
const shortcuts = new Map<string, string>();

/** Returns the path of an instance's socket; through a symbolic link if the directory's own path is too long. */
export function socketPath(directory: string, instance: string): string {
  const path = join(directory, socketName(instance));
  if (Buffer.byteLength(path) <= LONGEST) return path;
  return join(shortcutTo(resolve(directory)), socketName(instance));
}

/** Returns the instances with a socket file in the directory, dead ones included. */
export function instancesIn(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => /^(.+)\.sock$/.exec(name)?.[1] ?? []);
}

export function socketName(instance: string): string {
  return `${instance}.sock`;
}

function shortcutTo(directory: string): string {
  const known = shortcuts.get(directory);
  if (known !== undefined) return known;
  const place = temporaryDirectory();
  const shortcut = join(place, "d");
  symlinkSync(directory, shortcut);
  process.once("exit", () => rmSync(place, { recursive: true, force: true }));
  shortcuts.set(directory, shortcut);
  return shortcut;
}
