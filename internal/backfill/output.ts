import { existsSync } from "node:fs";
import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { InputError } from "../canonical/input-error.ts";
import { formatTime, type Micros, parseTime } from "../canonical/time.ts";

/** The file that values are written to. It can be left at any moment and gone on with later. */
export interface BackfillOutput {
  /** The bucket end up to which the file is complete; null where nothing is written yet. */
  readonly done: Micros | null;
  /** Adds what belongs to the bucket ends up to one. What is not added as a whole is taken away at the next opening. */
  append(text: string, to: Micros): Promise<void>;
  /** Ends writing: `isComplete` where nothing is left to be written. */
  close(isComplete: boolean): Promise<void>;
}

/** What stands in `FILE.progress` until the file is complete. */
interface Progress {
  /** What was asked for, as text. */
  readonly question: string;
  readonly done: string | null;
  readonly bytes: number;
}

/**
 * Opens a new file, or one that an earlier run with the same question has left.
 * @param question all that decides what the file holds
 * @throws InputError where the file is another's: complete, or of another question
 */
export async function openOutput(path: string, question: string, header: string): Promise<BackfillOutput> {
  const progressPath = `${path}.progress`;
  const left = existsSync(path) || existsSync(progressPath) ? await leftProgress(path, progressPath, question) : null;
  const file = await open(path, left === null ? "wx" : "r+");
  let { done, bytes }: Omit<Progress, "question"> = left ?? { done: null, bytes: 0 };
  const save = async (): Promise<void> => {
    await file.sync();
    await writeWhole(progressPath, JSON.stringify({ question, done, bytes } satisfies Progress));
  };
  const write = async (text: string): Promise<void> => {
    await file.write(text, bytes);
    bytes += Buffer.byteLength(text);
  };
  try {
    await file.truncate(bytes);
    if (left === null) {
      await write(header);
      await save();
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    done: done === null ? null : parseTime(done),
    async append(text, to) {
      await write(text);
      done = formatTime(to);
      await save();
    },
    async close(isComplete) {
      await file.close();
      if (isComplete) await rm(progressPath);
    },
  };
}

async function leftProgress(path: string, progressPath: string, question: string): Promise<Progress> {
  if (!existsSync(progressPath)) throw new InputError(`${path} is there already; remove it, or name another file`);
  if (!existsSync(path)) throw new InputError(`${progressPath} has lost its file; remove it`);
  const progress = JSON.parse(await readFile(progressPath, "utf8")) as Progress;
  if (progress.question === question) return progress;
  throw new InputError(
    `${path} was begun with other options, settings or version; repeat those, or remove it and ${progressPath}`,
  );
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
