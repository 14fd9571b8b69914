import { setTimeout as sleep } from "node:timers/promises";
import pRetry from "p-retry";
import { createRateLimit } from "../lib/rate-limiter.ts";
import { makeSemaphore } from "../lib/semaphore.ts";
import { unlessAborted } from "../lib/unless-aborted.ts";
import { withTimeout } from "../lib/with-timeout.ts";
import { HttpError, isTransient, statusError } from "./http-error.ts";

export interface HttpClientOptions {
  /** The most attempts per host in any minute, retries included. */
  readonly requestsPerMinute: number;
  /** The most attempts per host at once. Default 4. */
  readonly maxConcurrent?: number;
  /** Timeout of one attempt, from connecting to the last byte. Default 5000. */
  readonly timeoutMs?: number;
  /** Timeout of a request as a whole, with all attempts and waits. Default 120000. */
  readonly totalTimeoutMs?: number;
  /** Attempts after the first one. Default 2. */
  readonly retries?: number;
  /** Exponential backoff: the first retry waits 1 to 2 times this, and each further one twice as long. Default 500. */
  readonly backoffMs?: number;
  /** No retry where the host's Retry-After is longer. Default 10000. */
  readonly maxRetryAfterMs?: number;
  /** The longest body, after decompression. Default 1 MiB. */
  readonly maxBytes?: number;
}

/** What is sent. */
export interface RequestParts extends Pick<RequestInit, "method" | "headers" | "body"> {
  /** Whether sending it twice does no harm; by default that depends on the method (RFC 9110, 9.2.2). */
  readonly isIdempotent?: boolean;
}

/**
 * Sends a request and returns the body of the answer. Redirects are not followed. An idempotent request is sent again
 * after a failure that may be over soon.
 * @throws HttpError
 */
export type HttpClient = (url: URL, parts: RequestParts, signal: AbortSignal) => Promise<string>;

/**
 * Like {@link HttpClient}, for those who need more of an answer than its body's text.
 * @param read gets each answer with status 2xx, within the timeout of the attempt
 */
export type HttpReader = <T>(
  url: URL,
  parts: RequestParts,
  signal: AbortSignal,
  read: (response: Response) => Promise<T>,
) => Promise<T>;

const MINUTE_MS = 60_000;
/** Of a refusal's body so many bytes are kept. */
const BODY_SHOWN = 500;
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Starts attempts at one host within its limits. */
type HostLimit = <T>(attempt: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/** Returns a function that sends requests with timeouts, retries, and limits per host, and returns the bodies of the answers. */
export function createHttpClient({ maxBytes = 2 ** 20, ...options }: HttpClientOptions): HttpClient {
  const request = createHttpReader(options);
  return (url, parts, signal) => request(url, parts, signal, (response) => readText(url.host, response, maxBytes));
}

/** Returns a function that sends requests with timeouts, retries, and limits per host. */
export function createHttpReader(options: Omit<HttpClientOptions, "maxBytes">): HttpReader {
  const { requestsPerMinute, maxConcurrent = 4, timeoutMs = 5_000, totalTimeoutMs = 120_000 } = options;
  const { retries = 2, backoffMs = 500, maxRetryAfterMs = 10_000 } = options;
  const limits = new Map<string, HostLimit>();

  function limitOf(host: string): HostLimit {
    const limit = limits.get(host) ?? makeHostLimit(requestsPerMinute, maxConcurrent);
    limits.set(host, limit);
    return limit;
  }

  async function attempt<T>(
    url: URL,
    { isIdempotent: _, ...init }: RequestParts,
    signal: AbortSignal,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const within = withTimeout(signal, timeoutMs);
    try {
      const response = await fetch(url, { ...init, redirect: "manual", signal: within.signal });
      if (!response.ok) throw statusError(url.host, response, await beginningOf(response));
      return await read(response);
    } catch (error) {
      if (error instanceof HttpError) throw error;
      if (within.isLate()) throw new HttpError("timeout", `${url.host} did not answer within ${timeoutMs} ms`);
      const { kind, code } = causeOf(error);
      throw new HttpError(kind, `the connection to ${url.host} failed (${code})`);
    } finally {
      // Releases a body that was not read to its end.
      within.end();
    }
  }

  return async (url, parts, signal, read) => {
    const { method = "GET", isIdempotent = IDEMPOTENT.has(method.toUpperCase()) } = parts;
    const whole = withTimeout(signal, totalTimeoutMs);
    try {
      return await pRetry(() => limitOf(url.host)(() => attempt(url, parts, whole.signal, read), whole.signal), {
        retries: isIdempotent ? retries : 0,
        minTimeout: backoffMs,
        randomize: true,
        signal: whole.signal,
        shouldRetry: async ({ error }) => {
          if (!isTransient(error) || error.retryAfterMs > maxRetryAfterMs) return false;
          await sleep(error.retryAfterMs, undefined, { signal: whole.signal });
          return true;
        },
      });
    } catch (error) {
      if (signal.aborted) throw new HttpError("aborted", `the request to ${url.host} was aborted`);
      if (!whole.isLate()) throw error;
      throw new HttpError("timeout", `the request to ${url.host} did not succeed within ${totalTimeoutMs} ms`);
    } finally {
      whole.end();
    }
  };
}

function makeHostLimit(requestsPerMinute: number, maxConcurrent: number): HostLimit {
  const startWithinRate = createRateLimit(requestsPerMinute, MINUTE_MS);
  const semaphore = makeSemaphore(maxConcurrent, () => 0);
  return async (attempt, signal) => {
    const run = async () => {
      signal.throwIfAborted();
      await startWithinRate(signal);
      return attempt();
    };
    return unlessAborted(semaphore.run(run, 0), signal);
  };
}

/**
 * Returns the body of an answer.
 * @throws HttpError where it is longer, after decompression
 */
export async function readText(host: string, response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw new HttpError("too-large", `${host} answered with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** Returns how the body of a refusal begins; empty where it cannot be read. */
async function beginningOf(response: Response): Promise<string> {
  try {
    for await (const chunk of response.body ?? []) return new TextDecoder().decode(chunk.slice(0, BODY_SHOWN));
  } catch {
    // The status alone says what matters.
  }
  return "";
}

// The codes of Node.js's HTTP parser and of zlib: what came is no HTTP, or not in the encoding that it claims.
const MALFORMED = /^(?:HPE|Z)_/;

/** Returns why fetch failed, such as ECONNREFUSED. Messages are left out: some contain the URL or a header. */
function causeOf(error: unknown): { kind: "malformed" | "connection"; code: string } {
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  const code = typeof cause?.code === "string" ? cause.code : "unknown reason";
  return { kind: MALFORMED.test(code) ? "malformed" : "connection", code };
}
