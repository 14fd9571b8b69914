import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError, quoted } from "../../canonical/input-error.ts";

/** A file of the artifacts directory, which is named by its content. */
export interface ArtifactFile {
  readonly sha256: string;
  readonly bytes: number;
  /** `sha256:` and the hash: no path, so that the directory may be moved, and nobody can name a file outside of it. */
  readonly uri: string;
}

const URI = /^sha256:([0-9a-f]{64})$/;

/**
 * Writes a file to the directory, which is created if need be. It appears under its name once it is complete; the same
 * content is the same file, whoever writes it, and however often.
 * @param produce gives the content to `write`, in order
 */
export async function writeArtifact(
  directory: string,
  produce: (write: (content: string | Uint8Array) => Promise<void>) => Promise<void>,
): Promise<ArtifactFile> {
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
    const uri = `sha256:${sha256}`;
    const path = artifactPath(directory, uri);
    await mkdir(dirname(path), { recursive: true });
    await rename(draft, path);
    return { sha256, bytes, uri };
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** @throws InputError where the uri is of no file in an artifacts directory */
export function artifactPath(directory: string, uri: string): string {
  const [, hash] = URI.exec(uri) ?? [];
  if (hash === undefined) throw new InputError(`${quoted(uri)} is not kept in an artifacts directory`);
  return join(directory, hash.slice(0, 2), hash);
}

/**
 * Yields the content of a file in the directory.
 * @throws Error at its end where the content is not that of its name
 */
export async function* readArtifact(directory: string, uri: string): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(artifactPath(directory, uri))) {
    hash.update(chunk);
    yield chunk;
  }
  const found = `sha256:${hash.digest("hex")}`;
  if (found !== uri) throw new Error(`the file of ${uri} has been changed: it is ${found}`);
}
