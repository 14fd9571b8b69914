import { createHash } from "node:crypto";

/** What a job produced. The ledger keeps the reference, not the content. */
export interface Artifact {
  readonly name: string;
  /** Of the content, 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** The length of the content. */
  readonly bytes: number;
  /** Where the content is. */
  readonly uri: string;
}

/** What to make an artifact of. A text is hashed as UTF-8. */
export interface ArtifactContent {
  readonly name: string;
  readonly uri: string;
  readonly content: string | Uint8Array | AsyncIterable<Uint8Array>;
}

/**
 * Returns the artifact of a content: its SHA-256 and its length, and nothing that depends on when or where it was made.
 * Rejects with what a content that is read piece by piece rejects with.
 */
export async function artifactOf({ name, uri, content }: ArtifactContent): Promise<Artifact> {
  const hash = createHash("sha256");
  let bytes = 0;
  const add = (piece: Uint8Array): void => {
    hash.update(piece);
    bytes += piece.byteLength;
  };
  if (typeof content === "string") add(Buffer.from(content));
  else if (content instanceof Uint8Array) add(content);
  else for await (const piece of content) add(piece);
  return { name, sha256: hash.digest("hex"), bytes, uri };
}
