import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { MaybePromise } from "../lib/maybe-promise.ts";
import type { Content } from "./content.ts";

/** In bytes: shorter bodies fit into one or two packets anyway. */
const MIN_LENGTH = 2_048;
const COMPRESSIBLE = /^(?:text\/|application\/json\b)/;

const compress = promisify(gzip);
const known = new WeakMap<Content, MaybePromise<Content>>();

/** Whether compressing a body saves enough to be worth the time. */
export function isWorthCompressing({ body }: Content, contentType: string): boolean {
  return body.length >= MIN_LENGTH && COMPRESSIBLE.test(contentType);
}

/** Whether an Accept-Encoding header allows gzip (RFC 9110, 12.5.3). */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  if (acceptEncoding === undefined) return false;
  const qualities = new Map(
    acceptEncoding
      .toLowerCase()
      .split(",")
      .map((part) => {
        const [coding = "", ...parameters] = part.split(";").map((text) => text.trim());
        const quality = parameters.find((text) => text.startsWith("q="))?.slice(2) ?? "1";
        return [coding, Number(quality)];
      }),
  );
  return (qualities.get("gzip") ?? qualities.get("*") ?? 0) > 0;
}

/**
 * Returns the compressed content, computed once per content object. Its ETag differs, as a strong ETag identifies
 * bytes.
 */
export function gzipped(content: Content): MaybePromise<Content> {
  const before = known.get(content);
  if (before !== undefined) return before;
  const running = compress(content.body).then((body): Content => {
    const made = { body, etag: content.etag.replace(/"$/, '-gzip"') };
    known.set(content, made);
    return made;
  });
  known.set(content, running);
  return running;
}
