import type { IncomingMessage, ServerResponse } from "node:http";
import { SECURE_HEADERS } from "./secure-headers.ts";

const ALLOWED = {
  "Access-Control-Allow-Methods": "GET, HEAD",
  "Access-Control-Allow-Headers": "Authorization, If-None-Match",
  "Access-Control-Max-Age": "7200",
  ...SECURE_HEADERS,
};
const EXPOSED = "ETag, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate";

/**
 * Returns a function that sets the CORS headers, so that pages of the given origins can read the answers. It sets them
 * before the app runs, so that errors carry them too.
 * @param origins as browsers send them; `*` for any
 * @returns the answer to a preflight request; null for other requests
 */
export function makeCors(
  origins: readonly string[],
): (incoming: IncomingMessage, outgoing: ServerResponse) => Response | null {
  const known = new Set(origins);
  const isAny = known.has("*");
  return ({ method, headers: { origin, ...headers } }, outgoing) => {
    if (!isAny) outgoing.setHeader("Vary", "Origin");
    if (origin === undefined || !(isAny || known.has(origin))) return null;
    outgoing.setHeader("Access-Control-Allow-Origin", isAny ? "*" : origin);
    if (method === "OPTIONS" && headers["access-control-request-method"] !== undefined) {
      return new Response(null, { status: 204, headers: ALLOWED });
    }
    outgoing.setHeader("Access-Control-Expose-Headers", EXPOSED);
    return null;
  };
}
