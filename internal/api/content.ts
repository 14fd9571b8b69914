import { createHash } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { after, type Soon } from "./after.ts";
import { acceptsGzip, gzipped, isWorthCompressing } from "./compression.ts";
import { SECURE_HEADERS } from "./secure-headers.ts";

/** A body and the strong ETag that is the same for the same body in every process. */
export interface Content {
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

export function contentOf(body: Content["body"]): Content {
  return { body, etag: `"${createHash("sha1").update(body).digest("hex")}"` };
}

/** The content as an answer: 304 without a body where the caller has it already, compressed where that is worth it. */
export function contentResponse(
  c: Context,
  content: Content,
  contentType: string,
  cacheControl: string,
  others: Readonly<Record<string, string>> = SECURE_HEADERS,
): Soon<Response> {
  const ifNoneMatch = c.req.header("If-None-Match");
  function answer({ body, etag }: Content, more: Readonly<Record<string, string>>, encoding = {}): Response {
    const headers = { "Cache-Control": cacheControl, ETag: etag, ...others, ...more };
    if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) return new Response(null, { status: 304, headers });
    return new Response(body, { headers: { "Content-Type": contentType, ...headers, ...encoding } });
  }
  if (!isWorthCompressing(content, contentType)) return answer(content, {});
  const vary = { Vary: varyWith(c, "Accept-Encoding") };
  if (!acceptsGzip(c.req.header("Accept-Encoding"))) return answer(content, vary);
  return after(gzipped(content), (made) => answer(made, vary, { "Content-Encoding": "gzip" }));
}

/** The header with another name, beside those that are set before there is an answer. */
function varyWith(c: Context, name: string): string {
  const { outgoing } = (c.env ?? {}) as Partial<HttpBindings>;
  const before = outgoing?.getHeader("Vary");
  return before === undefined ? name : `${String(before)}, ${name}`;
}

/** Whether one of the tags is the ETag, weak or not, as If-None-Match compares them. */
function matches(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch === etag || ifNoneMatch.trim() === "*" || (ifNoneMatch.match(/"[^"]*"/g)?.includes(etag) ?? false);
}
