import { existsSync } from "node:fs";
import { type FileHandle, open, readFile, rename, rm, stat } from "node:fs/promises";
import { z } from "zod";
import { InputError } from "../canonical/input-error.ts";
import { formatTime, type Micros, parseTime } from "../canonical/time.ts";
import { asError } from "../lib/as-error.ts";

/** Lines per write: about a megabyte. */
const LINES_PER_WRITE = 1000;

const COUNTS = z.object({
  /** Number of values written. */
  values: z.number(),
  /** Number of buckets without a published value. */
  empty: z.number(),
  /** Number of buckets omitted because retention has removed their data; `firstExpired` is the reason of the first. */
  expired: z.number(),
  firstExpired: z.string().nullable(),
});

/** The content of `FILE.progress`, which exists until the file is complete. */
const PROGRESS = z.object({
  /** The options and settings that decide the file's content, as text. */
  question: z.string(),
  done: z.string().nullable(),
  bytes: z.number(),
  counts: COUNTS,
});

type Progress = z.infer<typeof PROGRESS>;

/** The outcome counts of the buckets so far. */
export type BackfillCounts = Readonly<z.infer<typeof COUNTS>>;

const NO_COUNTS: BackfillCounts = { values: 0, empty: 0, expired: 0, firstExpired: null };

/** The output file. Writing can be interrupted at any time and resumed later. */
export interface BackfillOutput {
  /** The bucket end up to which the file was complete when it was opened; null for a new file. */
  readonly done: Micros | null;
  /** The outcome counts of the buckets up to `done`. */
  readonly counts: BackfillCounts;
  /** Appends the lines of the bucket ends up to `to`. An incomplete append is truncated at the next opening. */
  append(lines: readonly string[], to: Micros, counts: BackfillCounts): Promise<void>;
  /** Closes the file; `isComplete` removes the progress file. */
  close(isComplete: boolean): Promise<void>;
}

/**
 * Opens a new file, or resumes one that an earlier run with the same options and settings has left incomplete.
 * @param question the options and settings that decide the file's content
 * @throws InputError where the file is complete or belongs to other options, cannot be written, or is shorter than
 * recorded
 */
export async function openOutput(path: string, question: string, header: string): Promise<BackfillOutput> {
  const progressPath = `${path}.progress`;
  const previous = await readProgress(progressPath);
  if (previous === null && existsSync(path)) {
    throw new InputError(`${path} exists already; remove it, or name another file`);
  }
  if (previous !== null) await requireResumable(path, progressPath, previous, question);
  let progress = previous ?? { question, done: null, bytes: 0, counts: NO_COUNTS };
  // The progress file is written first, because an output file without it counts as complete.
  if (previous === null) await writeAtomically(progressPath, JSON.stringify(progress)).catch(throwUnwritable(path));
  const file = await open(path, progress.bytes === 0 ? "w" : "r+");
  const append = async (lines: readonly string[], done: string | null, counts: BackfillCounts): Promise<void> => {
    let { bytes } = progress;
    for (let line = 0; line < lines.length; line += LINES_PER_WRITE) {
      bytes += await writeFully(file, lines.slice(line, line + LINES_PER_WRITE).join(""), bytes);
    }
    await file.sync();
    progress = { question, done, bytes, counts };
    await writeAtomically(progressPath, JSON.stringify(progress));
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
    throw new InputError(`${path} is not a progress file of backfill; remove it`);
  }
}

/** @throws InputError where the file cannot be resumed */
async function requireResumable(
  path: string,
  progressPath: string,
  previous: Progress,
  question: string,
): Promise<void> {
  if (previous.question !== question) {
    throw new InputError(
      `${path} was started with other options or settings; repeat those, or remove it and ${progressPath}`,
    );
  }
  const size = existsSync(path) ? (await stat(path)).size : 0;
  if (size < previous.bytes) {
    throw new InputError(`${path} has been truncated; remove it and ${progressPath}, and run backfill again`);
  }
}

function throwUnwritable(path: string): (error: unknown) => never {
  return (error) => {
    throw new InputError(`${path} cannot be written: ${asError(error).message}`);
  };
}

/** Writes the whole text, in several writes if need be, and returns its length in bytes. */
async function writeFully(file: FileHandle, text: string, position: number): Promise<number> {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
  return bytes.length;
}

/** Replaces the file atomically: after a crash it has the old content or the new. */
async function writeAtomically(path: string, content: string): Promise<void> {
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
