import { readRetryAfter } from "../http/retry-after.ts";
import type { Redact } from "./redact.ts";
import type { Sent } from "./sender.ts";
import type { Failure } from "./transport/failure.ts";
import type { Answer } from "./transport/post.ts";

/** Whatever a receiver asks for, the next attempt is not later than in a day. */
const MOST_SECONDS = 86_400;

/** What the rules need that tell an answer's meaning. */
export interface Reading {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly redact: Redact;
}

/** An attempt that failed and may be made again. */
export function retry(reason: string, detail: string, status: number | null = null): Sent {
  return { outcome: "retry", status, reason, detail, retryAfterSeconds: null };
}

export function delivered(status: number): Sent {
  return { outcome: "delivered", status, reason: null, detail: null, retryAfterSeconds: null };
}

/** The receiver asks for a slower pace. @param seconds how long it asks to wait; null where it does not say */
export function throttled(status: number, detail: string, seconds: number | null): Sent {
  const retryAfterSeconds = seconds === null ? null : Math.min(MOST_SECONDS, Math.ceil(seconds));
  return { outcome: "throttled", status, reason: "throttled", detail, retryAfterSeconds };
}

/** Whether there was an answer at all. */
export function isAnswer(exchange: Answer | Failure): exchange is Answer {
  return "status" in exchange;
}

/** Returns the seconds that an answer asks to wait before the next request; null where it does not ask for any. */
export function askedToWait({ retryAfter }: Answer, now: number): number | null {
  const milliseconds = readRetryAfter(retryAfter, now);
  return milliseconds === 0 ? null : milliseconds / 1000;
}

/**
 * Returns what an answer's status alone says: 410 ends the destination, 429, and 503 with Retry-After, ask for a slower
 * pace, and any other than 2xx is a failure. Null for 2xx.
 */
export function sentByStatus(answer: Answer, { now, redact }: Reading): Sent | null {
  const { status, text } = answer;
  if (status >= 200 && status <= 299) return null;
  const words = redact(text);
  const detail = `HTTP status ${status}${words === "" ? "" : `: ${words}`}`;
  const wait = askedToWait(answer, now);
  if (status === 410) return { outcome: "gone", status, reason: "gone", detail, retryAfterSeconds: null };
  if (status === 429 || (status === 503 && wait !== null)) return throttled(status, detail, wait);
  if (status >= 300 && status <= 399) {
    return retry("redirect", `HTTP status ${status}: redirects are not followed; set url to the final address`, status);
  }
  return retry("http_status", detail, status);
}
