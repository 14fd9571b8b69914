import { InputError, quoted } from "../../canonical/input-error.ts";
import { type ContentFile, contentPath, readContent, writeContent } from "../../lib/content-directory.ts";

/** A file of the artifacts directory, which is named by its content. */
export interface ArtifactFile extends ContentFile {
  /** `sha256:` and the hash: no path, so that the directory may be moved, and nobody can name a file outside of it. */
  readonly uri: string;
}

const URI = /^sha256:([0-9a-f]{64})$/;

/**
 * Writes a file to the directory as {@link writeContent} does.
 * @param produce gives the content to `write`, in order
 */
export async function writeArtifact(
  directory: string,
  produce: (write: (content: string | Uint8Array) => Promise<void>) => Promise<void>,
): Promise<ArtifactFile> {
  const file = await writeContent(directory, produce);
  return { ...file, uri: `sha256:${file.sha256}` };
}

/** @throws InputError where the uri is of no file in an artifacts directory */
export function artifactPath(directory: string, uri: string): string {
  return contentPath(directory, hashOf(uri));
}

/**
 * Yields the content of a file in the directory.
 * @throws InputError where the uri is of no file in an artifacts directory
 * @throws Error at its end where the content is not that of its name
 */
export function readArtifact(directory: string, uri: string): AsyncGenerator<Uint8Array> {
  return readContent(directory, hashOf(uri));
}

function hashOf(uri: string): string {
  const [, sha256] = URI.exec(uri) ?? [];
  if (sha256 === undefined) throw new InputError(`${quoted(uri)} is not kept in an artifacts directory`);
  return sha256;
}
