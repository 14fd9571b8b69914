import { once } from "node:events";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { type Within, withTimeout } from "../../lib/with-timeout.ts";
import { makeAddressGuard } from "./address-guard.ts";
import { type Failure, failureOf, ProtocolSwitched } from "./failure.ts";
import { pinnedLookup, type Resolve, refusalOf } from "./pinned-lookup.ts";

/** Of an answer so many bytes are read. */
const MAX_BYTES = 64 * 1024;
/** Connections that are not used for so long are closed. */
const IDLE_MS = 30_000;

export interface PostOptions {
  /** http or https. */
  readonly url: URL;
  /** From the request to the last byte of the answer. */
  readonly timeoutSeconds: number;
  /** The most connections at once; further requests wait, within their timeout. */
  readonly maxConnections: number;
  /** Ranges of addresses that may be connected to besides the public ones. */
  readonly allow: readonly string[];
  readonly resolve: Resolve;
  /** PEM of authorities that are trusted instead of the system's; null for those. */
  readonly authorities: string | null;
}

/** What a receiver answered. */
export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  /** The first 64 KiB, read as UTF-8. */
  readonly text: string;
  readonly isTooLarge: boolean;
  /** Why the body is not whole; null where it is, or is too large. */
  readonly failure: Failure | null;
}

/**
 * Posts a JSON text and returns the answer, of any status, or why there was none; it never rejects. Redirects are not
 * followed.
 */
export type Post = (headers: OutgoingHttpHeaders, body: string, signal: AbortSignal) => Promise<Answer | Failure>;

/**
 * Returns a function that posts to one URL over connections of its own, which are kept for the next request. node:http is
 * used, not `fetch`, which has no way to choose the address that is connected to.
 */
export function makePost({ url, timeoutSeconds, maxConnections, allow, resolve, authorities }: PostOptions): Post {
  const isEncrypted = url.protocol === "https:";
  const isAllowed = makeAddressGuard(allow, isEncrypted);
  const literal = url.hostname.replace(/^\[|\]$/g, "");
  const connections = {
    keepAlive: true,
    maxSockets: maxConnections,
    timeout: IDLE_MS,
    lookup: pinnedLookup(resolve, isAllowed),
    ...(authorities === null ? {} : { ca: authorities }),
  };
  const agent = isEncrypted ? new HttpsAgent(connections) : new HttpAgent(connections);
  const open = isEncrypted ? httpsRequest : httpRequest;

  async function exchange(headers: OutgoingHttpHeaders, body: string, within: Within): Promise<Answer> {
    // Of an address that stands in the URL nothing is looked up.
    if (isIP(literal) !== 0 && !isAllowed(literal)) throw refusalOf(literal, [literal]);
    const request = open(url, { method: "POST", agent, headers, signal: within.signal });
    // An error after the answer began is one of the answer, too.
    request.on("error", () => {});
    // Without a listener, Node.js closes the connection and says nothing.
    request.on("upgrade", (_response, socket) => {
      socket.destroy();
      request.emit("error", new ProtocolSwitched());
    });
    request.end(body);
    try {
      // A request that ends in silence must not outlive its timeout.
      const [response] = (await once(request, "response", { signal: within.signal })) as [IncomingMessage];
      return await readAnswer(response, (error) => failureOf(error, url.host, within, timeoutSeconds));
    } catch (error) {
      // The receiver closed a kept connection just then: that says nothing of it.
      const wasKept =
        request.reusedSocket && /^(?:ECONNRESET|EPIPE)$/.test((error as NodeJS.ErrnoException).code ?? "");
      if (wasKept && !within.signal.aborted) return exchange(headers, body, within);
      throw error;
    }
  }

  return async (headers, body, signal) => {
    const within = withTimeout(signal, timeoutSeconds * 1000);
    const all = {
      ...headers,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "accept-encoding": "identity",
    };
    try {
      return await exchange(all, body, within);
    } catch (error) {
      return failureOf(error, url.host, within, timeoutSeconds);
    } finally {
      within.end();
    }
  };
}

async function readAnswer(response: IncomingMessage, failureFor: (error: unknown) => Failure): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  let failure: Failure | null = null;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      // Leaving the loop closes the connection.
      if (size > MAX_BYTES) break;
    }
  } catch (error) {
    failure = failureFor(error);
  }
  return {
    status: response.statusCode ?? 0,
    retryAfter: response.headers["retry-after"] ?? null,
    text: new TextDecoder().decode(Buffer.concat(chunks).subarray(0, MAX_BYTES)),
    isTooLarge: size > MAX_BYTES,
    failure,
  };
}
