import { createHash } from "node:crypto";

/** A body with its strong ETag, which is the same in every process. */
export interface Content {
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

/** Returns the body with its ETag: the SHA-1 of its bytes. */
export function contentOf(body: Content["body"]): Content {
  return { body, etag: `"${createHash("sha1").update(body).digest("hex")}"` };
}
