import { createHash } from "node:crypto";

/** Where objects are kept that are named by their content: the SHA-256 of an object, in hex, is its name. */
export interface Archive {
  /** Writes an object, which is durable once the promise resolves. The same object may be written again. */
  readonly put: (name: string, bytes: Uint8Array, signal: AbortSignal) => Promise<void>;
  /** Returns an object as it is there; its content is not checked. @throws Error where there is none */
  readonly get: (name: string, signal: AbortSignal) => Promise<Uint8Array>;
}

/** Returns the name of an object. */
export function nameOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Returns an object, whose content is checked. @throws Error where there is none, or where it is damaged */
export async function getChecked(archive: Archive, name: string, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = await archive.get(name, signal);
  const found = nameOf(bytes);
  if (found === name) return bytes;
  throw new Error(`the object ${name} of the archive is damaged: it is ${found}; restore it from a copy`);
}
