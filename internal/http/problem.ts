import { SECURE_HEADERS } from "./secure-headers.ts";

/** A kind of error answer. */
export interface ProblemKind {
  /** The end of the stable `type`, by which clients tell errors apart. */
  readonly name: string;
  readonly status: number;
  readonly title: string;
  /** An example of `detail`, for the OpenAPI document. */
  readonly example: string;
  /** An example of `errors`, for the OpenAPI document. */
  readonly exampleErrors?: readonly FieldError[];
}

/** What is wrong with one part of the request: a parameter of path or query, or a field of the body. */
export type FieldError = ParameterError | BodyError;

export interface ParameterError {
  readonly parameter: string;
  readonly detail: string;
}

export interface BodyError {
  /** A JSON Pointer (RFC 6901); "" for the body as a whole. */
  readonly pointer: string;
  readonly detail: string;
}

/** Names kinds of problems by their keys. */
export function problemKinds<Name extends string>(
  kinds: Readonly<Record<Name, Omit<ProblemKind, "name">>>,
): Readonly<Record<Name, ProblemKind>> {
  const named = Object.entries<Omit<ProblemKind, "name">>(kinds).map(([name, kind]) => [name, { name, ...kind }]);
  return Object.fromEntries(named) as Record<Name, ProblemKind>;
}

/** The kinds that routes of any capability answer. A capability declares its own kinds beside its routes. */
export const PROBLEMS = problemKinds({
  "malformed-request": {
    status: 400,
    title: "Malformed request",
    example: "the path or the Host header cannot be parsed",
  },
  "invalid-query": {
    status: 400,
    title: "Invalid parameters",
    example: "limit: is missing",
    exampleErrors: [{ parameter: "limit", detail: "is missing" }],
  },
  "malformed-body": { status: 400, title: "Malformed body", example: "the body is not valid JSON" },
  "invalid-body": {
    status: 400,
    title: "Invalid body",
    example: "/items/0/name: is missing",
    exampleErrors: [{ pointer: "/items/0/name", detail: "is missing" }],
  },
  unauthorized: {
    status: 401,
    title: "Missing or unknown API key",
    example: 'send an API key: "Authorization: Bearer KEY"',
  },
  "insufficient-scope": {
    status: 403,
    title: "API key without the scope that is needed",
    example: 'the API key "wallet-app" lacks the scope that this route needs',
  },
  "route-not-found": {
    status: 404,
    title: "Not found",
    example: "/v2/jobs does not exist; /docs lists the endpoints",
  },
  "method-not-allowed": { status: 405, title: "Method not allowed", example: "POST is not supported here" },
  "body-too-large": { status: 413, title: "Body too large", example: "the body has more than 1048576 bytes" },
  "query-too-long": {
    status: 414,
    title: "Query too long",
    example: "path and query have more than 2048 characters",
  },
  "unsupported-media-type": {
    status: 415,
    title: "Unsupported media type",
    example: "send the body as Content-Type: application/json",
  },
  "rate-limited": {
    status: 429,
    title: "Too many requests",
    example: "the limit is 600 requests per minute; try again in 42 s",
  },
  "internal-error": {
    status: 500,
    title: "Internal error",
    example: "the request failed; the API's log has the error",
  },
  unavailable: {
    status: 503,
    title: "Data store unavailable",
    example: "the database is unreachable; try again in 5 seconds",
  },
  overloaded: {
    status: 503,
    title: "Overloaded",
    example: "too many requests are in progress; try again in 1 second",
  },
  timeout: {
    status: 503,
    title: "Timeout",
    example: "the request timed out; try again in 5 seconds",
  },
});

/** An error answer (RFC 9457). */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly kind: ProblemKind;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  /** @param detail what is wrong in this case and what to do; it is shown to the caller */
  constructor(
    kind: ProblemKind,
    detail: string,
    { errors = [], headers = {} }: { errors?: readonly FieldError[]; headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.kind = kind;
    this.errors = errors;
    this.headers = headers;
  }
}

const RETRY_AFTER_SECONDS = 5;

/** Returns a problem that is over soon, with a Retry-After header. */
export function temporaryProblem(kind: ProblemKind, what: string, seconds = RETRY_AFTER_SECONDS): Problem {
  const unit = seconds === 1 ? "second" : "seconds";
  return new Problem(kind, `${what}; try again in ${seconds} ${unit}`, {
    headers: { "Retry-After": String(seconds) },
  });
}

/** Returns the problem of a request that timed out. */
export function timedOut(): Problem {
  return temporaryProblem(PROBLEMS.timeout, "the request timed out");
}

/** Returns the problem of a request that admission control refuses. */
export function overloaded(): Problem {
  return temporaryProblem(PROBLEMS.overloaded, "too many requests are in progress", 1);
}

/** Returns the problem of a request that is refused since its tenant has too many in progress. */
export function tenantOverloaded(): Problem {
  return temporaryProblem(PROBLEMS.overloaded, "too many requests of this tenant are in progress", 1);
}

/** Returns the stable `type` of a problem, a URN. */
export function problemType({ name }: Pick<ProblemKind, "name">): string {
  return `urn:stellarindex:problem:${name}`;
}

/** Returns the problem as `application/problem+json`. It is never cached, since most problems are temporary. */
export function problemResponse({ kind, message, errors, headers }: Problem): Response {
  const { status, title } = kind;
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
