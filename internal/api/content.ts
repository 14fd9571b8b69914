import { createHash } from "node:crypto";
import { SECURE_HEADERS } from "./secure-headers.ts";

/** A body and the strong ETag that is the same for the same body in every process. */
export interface Content {
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

export function contentOf(body: Content["body"]): Content {
  return { body, etag: `"${createHash("sha1").update(body).digest("hex")}"` };
}

/** The content as an answer: 304 without a body where the caller has it already. */
export function contentResponse(
  { body, etag }: Content,
  contentType: string,
  cacheControl: string,
  ifNoneMatch: string | undefined,
  others: Readonly<Record<string, string>> = SECURE_HEADERS,
): Response {
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) {
    return new Response(null, { status: 304, headers: { "Cache-Control": cacheControl, ETag: etag, ...others } });
  }
  const headers = { "Content-Type": contentType, "Cache-Control": cacheControl, ETag: etag, ...others };
  return new Response(body, { headers });
}

/** Whether one of the tags is the ETag, weak or not, as If-None-Match compares them. */
function matches(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch === etag || ifNoneMatch.trim() === "*" || (ifNoneMatch.match(/"[^"]*"/g)?.includes(etag) ?? false);
}
