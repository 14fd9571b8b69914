import { readRetryAfter } from "./retry-after.ts";

/**
 * Why a request got no usable answer. `timeout`: none within the time. `connection`: it could not be sent, or the
 * connection failed. `status`: an HTTP status other than 2xx. `too-large`: a body that is too long. `malformed`: no
 * valid HTTP. `aborted`: by the caller's signal.
 */
export type HttpErrorKind = "timeout" | "connection" | "status" | "too-large" | "malformed" | "aborted";

/** A request got no usable answer. The message names the host only: paths and headers may contain keys. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly kind: HttpErrorKind;
  /** The HTTP status; null for the other kinds. */
  readonly status: number | null;
  /** How long the host asks to wait before a retry; 0 where it does not. */
  readonly retryAfterMs: number;
  /** How the body of an answer with another status begins; empty for the other kinds. */
  readonly body: string;

  constructor(
    kind: HttpErrorKind,
    message: string,
    {
      status = null,
      retryAfterMs = 0,
      body = "",
    }: { status?: number | null; retryAfterMs?: number; body?: string } = {},
  ) {
    super(message);
    this.kind = kind;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.body = body;
  }
}

/**
 * Returns the error of an answer with another status than 2xx.
 * @param body how the answer's body begins
 */
export function statusError(host: string, { status, headers }: Response, body: string): HttpError {
  const reason = `${host} answered with HTTP status ${status}`;
  if (!isTransientStatus(status)) return new HttpError("status", reason, { status, body });
  const retryAfterMs = readRetryAfter(headers.get("retry-after"), Date.now());
  const asked = retryAfterMs === 0 ? "" : ` and asks to retry after ${Math.ceil(retryAfterMs / 1000)} s`;
  return new HttpError("status", reason + asked, { status, retryAfterMs, body });
}

// Binance answers 418 to an address that went on after 429.
const TRANSIENT = new Set([408, 418, 425, 429]);

function isTransientStatus(status: number): boolean {
  return TRANSIENT.has(status) || status >= 500;
}

/** Returns whether a retry may overcome an error. */
export function isTransient(error: unknown): error is HttpError {
  if (!(error instanceof HttpError) || error.kind === "too-large" || error.kind === "aborted") return false;
  return error.status === null || isTransientStatus(error.status);
}
