import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { InputError } from "../canonical/input-error.ts";
import { BrokenFile } from "../lib/broken-file.ts";
import { unpacked } from "./bytes.ts";

/** What is imported as one file: a file on disk, or one in an archive. */
export interface Input {
  /** What messages call it. */
  readonly label: string;
  /** Its names without directories, the most telling one first; a file's name may tell its pair. */
  readonly names: readonly string[];
  /** Returns the sum of the counts that {@link open} reports. @throws InputError, BrokenFile */
  readonly size: () => Promise<number>;
  /**
   * Yields the content, decompressed; it may be read more than once.
   * @param onBytes called with the size of each piece, before gzip is unpacked
   * @throws BrokenFile where it cannot be read to its end; all content before that has been yielded
   */
  readonly open: (onBytes: (count: number) => void) => AsyncGenerator<Buffer>;
}

/** Returns a file on disk as an input. */
export function fileInput(path: string, label: string = path, names: readonly string[] = [basename(path)]): Input {
  return {
    label,
    names,
    size: () => fileSize(path),
    open: (onBytes) => unpacked(readPieces(path, onBytes)),
  };
}

/** Returns an input that cannot be read because of an error. */
export function unreadable(label: string, error: unknown): Input {
  const fail = (): never => {
    throw error;
  };
  return { label, names: [], size: async () => fail(), open: fail };
}

async function fileSize(path: string): Promise<number> {
  const stats = await stat(path).catch((error: Error) => {
    throw new BrokenFile(`cannot be read: ${error.message}`);
  });
  if (stats.isDirectory()) throw new InputError("is a directory; name the files in it");
  // Rows without ids require two passes, and a pipe cannot be read twice.
  if (!stats.isFile()) throw new InputError("is a pipe or a device; write it to a file first: COMMAND > trades.csv");
  return stats.size;
}

async function* readPieces(path: string, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  let isChanged: boolean;
  try {
    const before = await stat(path);
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
      onBytes(piece.length);
      yield piece;
    }
    const after = await stat(path);
    isChanged = after.ino !== before.ino || after.size !== before.size || after.mtimeMs !== before.mtimeMs;
  } catch (error) {
    throw new BrokenFile(`cannot be read: ${(error as Error).message}`);
  }
  // The last line may be incomplete, and rows may be missing.
  if (isChanged) throw new BrokenFile("changed while it was read; import it again once nothing writes to it");
}
