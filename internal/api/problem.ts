import { SECURE_HEADERS } from "./secure-headers.ts";

/** Every kind of error answer. The names are part of the API: clients tell errors apart by them. */
export const PROBLEMS = {
  "malformed-request": { status: 400, title: "This is not a request that can be read" },
  "invalid-query": { status: 400, title: "The query cannot be used as it is written" },
  "future-time": { status: 400, title: "The time lies in the future" },
  "bucket-not-closed": { status: 400, title: "The bucket can still change" },
  unauthorized: { status: 401, title: "An API key is needed, and there is none or it is not known" },
  "price-not-found": { status: 404, title: "There is no price" },
  "price-withheld": { status: 404, title: "There are trades, but the policy publishes no price of them" },
  "route-not-found": { status: 404, title: "There is nothing at this path" },
  "method-not-allowed": { status: 405, title: "This path answers GET and HEAD only" },
  "raw-data-expired": { status: 410, title: "What this needs has been removed by retention" },
  "query-too-long": { status: 414, title: "The query is too long" },
  "rate-limited": { status: 429, title: "There were too many requests" },
  "internal-error": { status: 500, title: "This should not have happened" },
  unavailable: { status: 503, title: "What the answer is made from is out of reach" },
  overloaded: { status: 503, title: "Too many requests wait for their answer already" },
  timeout: { status: 503, title: "The answer took too long to make" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemKind = keyof typeof PROBLEMS;

/** What is wrong with one query parameter. */
export interface ParameterError {
  readonly parameter: string;
  readonly detail: string;
}

/** An error answer (RFC 9457). */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly kind: ProblemKind;
  readonly errors: readonly ParameterError[];
  readonly headers: Readonly<Record<string, string>>;

  /** @param detail what is wrong this time and what would be right; it is shown to the caller */
  constructor(
    kind: ProblemKind,
    detail: string,
    { errors = [], headers = {} }: { errors?: readonly ParameterError[]; headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.kind = kind;
    this.errors = errors;
    this.headers = headers;
  }
}

export function problemType(kind: ProblemKind): string {
  return `urn:stellarindex:problem:${kind}`;
}

/** The problem as `application/problem+json`; never to be cached, since most of them pass. */
export function problemResponse({ kind, message, errors, headers }: Problem): Response {
  const { status, title } = PROBLEMS[kind];
  const body = {
    type: problemType(kind),
    title,
    status,
    detail: message,
    ...(errors.length > 0 ? { errors } : {}),
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/problem+json", "Cache-Control": "no-store", ...SECURE_HEADERS, ...headers },
  });
}
