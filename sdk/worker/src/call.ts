import { CallDelayed, CallRefused } from "./failures.ts";

/** Where the ledger is, and who asks. */
export interface Access {
  /** Of the control API, without its path: `https://control.example.com`. */
  readonly url: string;
  /** An API key with the scope jobs:work. */
  readonly key: string;
}

/** Statuses besides 5xx of refusals that may be over when the call is repeated. */
const TEMPORARY = [408, 425, 429];

/**
 * Calls the worker protocol: sends a JSON document, and returns the answer's.
 * @param path below /control/v1/work
 * @param seconds how long to wait for the answer
 * @throws CallRefused where the same call would be refused again, CallDelayed where it may be answered later; other
 * errors where no answer came
 */
export async function call({ url, key }: Access, path: string, body: unknown, seconds: number): Promise<unknown> {
  const response = await fetch(new URL(`control/v1/work/${path}`, url.endsWith("/") ? url : `${url}/`), {
    method: "POST",
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
    // A redirect would turn the call into a GET, or take the key elsewhere.
    redirect: "manual",
    signal: AbortSignal.timeout(Math.ceil(seconds * 1000)),
  });
  if (response.ok) return response.json();
  const message = `${path}: ${response.status} ${await detailOf(response)}`;
  if (response.status >= 500 || TEMPORARY.includes(response.status)) {
    throw new CallDelayed(message, retryAfterSeconds(response.headers));
  }
  throw new CallRefused(message);
}

/** Returns what a problem document says; of another answer, its beginning. */
async function detailOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { detail } = JSON.parse(text);
    return typeof detail === "string" ? detail : text.slice(0, 200);
  } catch {
    return text.slice(0, 200);
  }
}

/**
 * Returns the seconds that a Retry-After header asks for; null without one. A date is compared with the answer's own
 * Date, so that no clock of this machine counts.
 */
export function retryAfterSeconds(headers: Headers): number | null {
  const text = headers.get("Retry-After")?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const seconds = (Date.parse(text) - Date.parse(headers.get("Date") ?? "")) / 1000;
  return Number.isNaN(seconds) ? null : Math.max(0, seconds);
}
