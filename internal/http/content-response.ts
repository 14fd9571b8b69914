import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { andThen, type MaybePromise } from "../lib/maybe-promise.ts";
import { acceptsGzip, gzipped, isWorthCompressing } from "./compression.ts";
import type { Content } from "./content.ts";
import { SECURE_HEADERS } from "./secure-headers.ts";

/**
 * Returns the content as a response: 304 without a body where If-None-Match matches, otherwise compressed if worth it.
 */
export function contentResponse(
  c: Context,
  content: Content,
  contentType: string,
  cacheControl: string,
  others: Readonly<Record<string, string>> = SECURE_HEADERS,
): MaybePromise<Response> {
  const ifNoneMatch = c.req.header("If-None-Match");
  function answer({ body, etag }: Content, more: Readonly<Record<string, string>>, encoding = {}): Response {
    const headers = { "Cache-Control": cacheControl, ETag: etag, ...others, ...more };
    if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) return new Response(null, { status: 304, headers });
    return new Response(body, { headers: { "Content-Type": contentType, ...headers, ...encoding } });
  }
  if (!isWorthCompressing(content, contentType)) return answer(content, {});
  const vary = { Vary: varyWith(c, "Accept-Encoding") };
  if (!acceptsGzip(c.req.header("Accept-Encoding"))) return answer(content, vary);
  return andThen(gzipped(content), (made) => answer(made, vary, { "Content-Encoding": "gzip" }));
}

/** Returns the value of Vary with one more name: CORS may have set the header before. */
function varyWith(c: Context, name: string): string {
  const { outgoing } = (c.env ?? {}) as Partial<HttpBindings>;
  const before = outgoing?.getHeader("Vary");
  return before === undefined ? name : `${String(before)}, ${name}`;
}

/** Whether If-None-Match lists the ETag, by weak comparison (RFC 9110, 13.1.2). */
function matches(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch === etag || ifNoneMatch.trim() === "*" || (ifNoneMatch.match(/"[^"]*"/g)?.includes(etag) ?? false);
}
