import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** A directory of files that are named by their content: the SHA-256 of a file, in hex, is its name. */

/** A file that was written. */
export interface ContentFile {
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Writes a file to the directory, which is created if need be. It appears under its name once it is complete, and is on disk
 * when the promise resolves; the same content is the same file, whoever writes it, and however often.
 * @param produce gives the content to `write`, in order
 */
export async function writeContent(
  directory: string,
  produce: (write: (content: string | Uint8Array) => Promise<void>) => Promise<void>,
): Promise<ContentFile> {
  await mkdir(directory, { recursive: true });
  const draft = join(directory, `incoming-${randomUUID()}`);
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    const file = await open(draft, "wx");
    try {
      await produce(async (content) => {
        const chunk = typeof content === "string" ? Buffer.from(content) : content;
        hash.update(chunk);
        bytes += chunk.length;
        await file.appendFile(chunk);
      });
      await file.sync();
    } finally {
      await file.close();
    }
    const sha256 = hash.digest("hex");
    const path = contentPath(directory, sha256);
    await mkdir(dirname(path), { recursive: true });
    await rename(draft, path);
    // The names are on disk once their directories are, first the one within the other.
    await syncDirectory(directory);
    await syncDirectory(dirname(path));
    return { sha256, bytes };
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Returns the path of a file, by its hash in hex. */
export function contentPath(directory: string, sha256: string): string {
  return join(directory, sha256.slice(0, 2), sha256);
}

/**
 * Yields the content of a file in the directory.
 * @throws Error at its end where the content is not that of its name
 */
export async function* readContent(directory: string, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(contentPath(directory, sha256))) {
    hash.update(chunk);
    yield chunk;
  }
  const found = hash.digest("hex");
  if (found !== sha256) throw new Error(`the file of sha256:${sha256} has been changed: it is sha256:${found}`);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
