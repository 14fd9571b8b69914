import { createHash } from "node:crypto";

/** What is known of a body that was read. */
export interface ObservedBody {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Returns the SHA-256 of its content type and of what was read. */
  readonly fingerprint: () => Buffer;
  /** Returns the start of what was read, and whether that is not all. */
  readonly start: () => { readonly content: Buffer; readonly isCut: boolean };
}

/** The most bytes of a body that are kept. */
export const KEPT_BYTES = 65_536;

/** Watches a body while it is read; it may be read once. */
export function observeBody(bytes: AsyncIterable<Uint8Array>, contentType: string): ObservedBody {
  const hash = createHash("sha256").update(`${contentType}\n`);
  const kept: Uint8Array[] = [];
  let size = 0;
  async function* observed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      hash.update(chunk);
      if (size < KEPT_BYTES) kept.push(chunk.subarray(0, KEPT_BYTES - size));
      size += chunk.length;
      yield chunk;
    }
  }
  return {
    bytes: observed(),
    fingerprint: () => hash.copy().digest(),
    start: () => ({ content: Buffer.concat(kept), isCut: size > KEPT_BYTES }),
  };
}

/** Reads the rest of a body. */
export async function readToEnd({ bytes }: Pick<ObservedBody, "bytes">): Promise<void> {
  for await (const _chunk of bytes);
}
