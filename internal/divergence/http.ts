import { setTimeout as sleep } from "node:timers/promises";
import pRetry from "p-retry";
import { createRateLimit, type RateLimit } from "./rate-limit.ts";
import { NoQuote } from "./reference.ts";

export interface HttpOptions {
  /** Attempts per host in any minute; retries count. */
  readonly requestsPerMinute: number;
  /** For one attempt, from connecting to the last byte. Default 5000. */
  readonly timeoutMs?: number;
  /** Further attempts after one that failed. Default 2. */
  readonly retries?: number;
  /** The first retry waits one to two times as long, each further one twice that. Default 500. */
  readonly backoffMs?: number;
  /** A host that asks for a longer wait is not asked again. Default 10000. */
  readonly longestRetryAfterMs?: number;
  /** Of a body, unpacked. Default 1 MiB. */
  readonly maxBytes?: number;
}

/**
 * The body of the answer to a request. Redirects are not followed.
 * @throws NoQuote `unreachable` where no attempt got an answer, the answer was an HTTP error or the signal aborted;
 * `unreadable` where the body is too long. The message names the host only: paths and headers may hold keys
 */
export type Request = (
  url: URL,
  init: Pick<RequestInit, "method" | "headers" | "body">,
  signal: AbortSignal,
) => Promise<string>;

/** An attempt failed in a way that the next one may not. */
class PassingFailure extends NoQuote {
  readonly retryAfterMs: number;

  constructor(reason: string, retryAfterMs = 0) {
    super("unreachable", reason);
    this.retryAfterMs = retryAfterMs;
  }
}

const MINUTE_MS = 60_000;
const TRANSIENT = new Set([408, 425, 429]);

export function createHttp(options: HttpOptions): Request {
  const { requestsPerMinute, timeoutMs = 5_000, retries = 2, backoffMs = 500 } = options;
  const { longestRetryAfterMs = 10_000, maxBytes = 2 ** 20 } = options;
  const limits = new Map<string, RateLimit>();

  function limitOf(host: string): RateLimit {
    const limit = limits.get(host) ?? createRateLimit(requestsPerMinute, MINUTE_MS);
    limits.set(host, limit);
    return limit;
  }

  const attempt: Request = async (url, init, signal) => {
    await limitOf(url.host)(signal);
    signal.throwIfAborted();
    const attempting = new AbortController();
    const end = (): void => attempting.abort();
    signal.addEventListener("abort", end, { once: true });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      end();
    }, timeoutMs);
    try {
      const response = await fetch(url, { ...init, redirect: "manual", signal: attempting.signal });
      if (!response.ok) throw refusal(url.host, response);
      return await readText(url.host, response, maxBytes);
    } catch (error) {
      if (error instanceof NoQuote) throw error;
      throw new PassingFailure(
        late
          ? `${url.host} did not answer within ${timeoutMs} ms`
          : `the connection to ${url.host} failed (${codeOf(error)})`,
      );
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      // Lets go of a body that nobody wants to the end.
      end();
    }
  };

  return async (url, init, signal) => {
    try {
      return await pRetry(() => attempt(url, init, signal), {
        retries,
        minTimeout: backoffMs,
        randomize: true,
        signal,
        shouldRetry: async ({ error }) => {
          if (!(error instanceof PassingFailure) || error.retryAfterMs > longestRetryAfterMs) return false;
          await sleep(error.retryAfterMs, undefined, { signal });
          return true;
        },
      });
    } catch (error) {
      throw signal.aborted ? new NoQuote("unreachable", `${url.host} was not waited for any longer`) : error;
    }
  };
}

function refusal(host: string, { status, headers }: Response): NoQuote {
  const reason = `${host} answered with HTTP status ${status}`;
  if (!TRANSIENT.has(status) && status < 500) return new NoQuote("unreachable", reason);
  const waitMs = readRetryAfter(headers.get("retry-after"));
  return waitMs === 0
    ? new PassingFailure(reason)
    : new PassingFailure(`${reason} and asks to be left alone for ${Math.ceil(waitMs / 1000)} s`, waitMs);
}

/** Seconds or an HTTP date as milliseconds from now; 0 where there is neither, or the date is over. */
function readRetryAfter(text: string | null): number {
  if (text === null) return 0;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.max(0, date - Date.now());
}

async function readText(host: string, response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw new NoQuote("unreadable", `${host} answered with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** Why fetch failed, such as ECONNREFUSED. Messages are left out: some show the URL or a header. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return typeof cause?.code === "string" ? cause.code : "for no known reason";
}
