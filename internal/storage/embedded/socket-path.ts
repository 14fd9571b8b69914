import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

// Of a socket's name macOS takes 104 bytes and Linux 108, the ending zero among them.
const LONGEST = 103;
const shortcuts = new Map<string, string>();

/** A path to the socket of an instance in its directory, by a shortcut where the directory's own path is too long. */
export function socketPath(directory: string, instance: string): string {
  const path = join(directory, socketName(instance));
  if (Buffer.byteLength(path) <= LONGEST) return path;
  return join(shortcutTo(resolve(directory)), socketName(instance));
}

export function socketName(instance: string): string {
  return `${instance}.sock`;
}

function shortcutTo(directory: string): string {
  const known = shortcuts.get(directory);
  if (known !== undefined) return known;
  const place = mkdtempSync(join(tmpdir(), "stellarindex-"));
  const shortcut = join(place, "d");
  symlinkSync(directory, shortcut);
  process.once("exit", () => rmSync(place, { recursive: true, force: true }));
  shortcuts.set(directory, shortcut);
  return shortcut;
}
