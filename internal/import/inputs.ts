import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isZip } from "../lib/zip.ts";
import { fileInput, type Input, unreadable } from "./input.ts";
import { zipInputs } from "./zip.ts";

/** Inputs, and what has to be called once they are imported. */
export interface OpenInputs {
  readonly inputs: readonly Input[];
  readonly close: () => Promise<void>;
}

export const STDIN = "-";

/**
 * Returns what is to be imported for the files that a user names: each file, each file in a zip archive, and for `-`
 * standard input, which is copied to the temporary directory, as a file may have to be read twice.
 * @param signal ends the copying
 */
export async function openInputs(files: readonly string[], stdin: Readable, signal?: AbortSignal): Promise<OpenInputs> {
  const isStdin = files.includes(STDIN);
  const directory = isStdin ? await mkdtemp(join(tmpdir(), "stellarindex-import-")) : null;
  const close = async (): Promise<void> => {
    if (directory !== null) await rm(directory, { recursive: true, force: true });
  };
  const copy = join(directory ?? "", "stdin");
  try {
    if (isStdin) await pipeline(stdin, createWriteStream(copy), { ...(signal && { signal }) });
    const inputs: Input[] = [];
    for (const file of files) inputs.push(...(await inputsOf(file === STDIN ? copy : file, file)));
    return { inputs, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function inputsOf(path: string, label: string): Promise<readonly Input[]> {
  try {
    if (await isZip(path)) return await zipInputs(path, label);
  } catch (error) {
    return [unreadable(label, error)];
  }
  return [label === STDIN ? fileInput(path, label, []) : fileInput(path)];
}
