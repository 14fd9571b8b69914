import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Soon } from "./after.ts";
import type { Content } from "./content.ts";

/** What is shorter travels in one or two packets anyway. */
const LEAST_LENGTH = 2_048;
const COMPRESSIBLE = /^(?:text\/|application\/json\b)/;

const compress = promisify(gzip);
const known = new WeakMap<Content, Soon<Content>>();

/** Whether a body gets smaller by enough for the time it takes. */
export function isWorthCompressing({ body }: Content, contentType: string): boolean {
  return body.length >= LEAST_LENGTH && COMPRESSIBLE.test(contentType);
}

/** Whether an Accept-Encoding header lets an answer be compressed by gzip (RFC 9110, 12.5.3). */
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
 * The content compressed, once for as long as it is kept. It has an ETag of its own: the bytes are others, and a strong ETag
 * stands for bytes.
 */
export function gzipped(content: Content): Soon<Content> {
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
