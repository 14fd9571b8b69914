import { existsSync } from "node:fs";
import { type FileHandle, open, readFile, rename, rm, stat } from "node:fs/promises";
import { z } from "zod";
import { asError } from "../canonical/as-error.ts";
import { InputError } from "../canonical/input-error.ts";
import { formatTime, type Micros, parseTime } from "../canonical/time.ts";

/** Lines that are written at once: about a megabyte. */
const LINES_AT_ONCE = 1000;

const COUNTS = z.object({
  /** Values written. */
  values: z.number(),
  /** Buckets of which nothing is published. */
  empty: z.number(),
  /** Buckets left out because retention has removed what they need, and why the first was. */
  expired: z.number(),
  firstExpired: z.string().nullable(),
});

/** What stands in `FILE.progress` until the file is complete. */
const PROGRESS = z.object({
  /** What was asked for, as text. */
  question: z.string(),
  done: z.string().nullable(),
  bytes: z.number(),
  counts: COUNTS,
});

type Progress = z.infer<typeof PROGRESS>;

/** What became of the buckets up to a moment. */
export type BackfillCounts = Readonly<z.infer<typeof COUNTS>>;

const NO_COUNTS: BackfillCounts = { values: 0, empty: 0, expired: 0, firstExpired: null };

/** The file that values are written to. It can be left at any moment and gone on with later. */
export interface BackfillOutput {
  /** The bucket end up to which the file was complete when it was opened; null where nothing was written. */
  readonly done: Micros | null;
  /** What had become of the buckets up to there. */
  readonly counts: BackfillCounts;
  /** Adds what belongs to the bucket ends up to one. What is not added as a whole is taken away at the next opening. */
  append(lines: readonly string[], to: Micros, counts: BackfillCounts): Promise<void>;
  /** Ends writing: `isComplete` where nothing is left to be written. */
  close(isComplete: boolean): Promise<void>;
}

/**
 * Opens a new file, or one that an earlier run with the same question has left.
 * @param question all that decides what the file holds
 * @throws InputError where the file is another's: complete, or of another question; where it cannot be written; where
 *   it has lost what was written
 */
export async function openOutput(path: string, question: string, header: string): Promise<BackfillOutput> {
  const progressPath = `${path}.progress`;
  const left = await readProgress(progressPath);
  if (left === null && existsSync(path)) {
    throw new InputError(`${path} is there already; remove it, or name another file`);
  }
  if (left !== null) await requireResumable(path, progressPath, left, question);
  let progress = left ?? { question, done: null, bytes: 0, counts: NO_COUNTS };
  // Progress comes first: a file without it is taken for complete.
  if (left === null) await writeWhole(progressPath, JSON.stringify(progress)).catch(refuseToWrite(path));
  const file = await open(path, progress.bytes === 0 ? "w" : "r+");
  const append = async (lines: readonly string[], done: string | null, counts: BackfillCounts): Promise<void> => {
    let { bytes } = progress;
    for (let line = 0; line < lines.length; line += LINES_AT_ONCE) {
      bytes += await writeAt(file, lines.slice(line, line + LINES_AT_ONCE).join(""), bytes);
    }
    await file.sync();
    progress = { question, done, bytes, counts };
    await writeWhole(progressPath, JSON.stringify(progress));
  };
  try {
    await file.truncate(progress.bytes);
    if (progress.bytes === 0) await append([header], null, progress.counts);
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    done: progress.done === null ? null : parseTime(progress.done),
    counts: progress.counts,
    append: (lines, to, counts) => append(lines, formatTime(to), counts),
    async close(isComplete) {
      await file.close();
      if (isComplete) await rm(progressPath);
    },
  };
}

async function readProgress(path: string): Promise<Progress | null> {
  if (!existsSync(path)) return null;
  const text = await readFile(path, "utf8");
  try {
    return PROGRESS.parse(JSON.parse(text));
  } catch {
    throw new InputError(`${path} is not what a run of backfill leaves; remove it`);
  }
}

/** @throws InputError where the file cannot be gone on with */
async function requireResumable(path: string, progressPath: string, left: Progress, question: string): Promise<void> {
  if (left.question !== question) {
    throw new InputError(
      `${path} was begun with other options or settings; repeat those, or remove ${progressPath} and it`,
    );
  }
  const size = existsSync(path) ? (await stat(path)).size : 0;
  if (size < left.bytes) {
    throw new InputError(`${path} has lost what was written to it; remove ${progressPath} and what is left of it`);
  }
}

function refuseToWrite(path: string): (error: unknown) => never {
  return (error) => {
    throw new InputError(`${path} cannot be written: ${asError(error).message}`);
  };
}

/** @returns how many bytes the text is; a single write may leave a part of them behind */
async function writeAt(file: FileHandle, text: string, position: number): Promise<number> {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
  return bytes.length;
}

/** Writes so that a crash leaves the old content or the new. */
async function writeWhole(path: string, content: string): Promise<void> {
  const scratch = `${path}.new`;
  const file: FileHandle = await open(scratch, "w");
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(scratch, path);
}
