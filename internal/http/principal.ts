import { PROBLEMS, Problem } from "./problem.ts";

/** Who sent a request, and what the request may do. */
export interface Principal {
  /** The name of the API key; null for a request without one. */
  readonly key: string | null;
  /** Whose data the principal sees, where tenants are kept apart; null otherwise. */
  readonly tenant: string | null;
  /** What the principal may do, such as `prices:read`. Routes name the scope that they need. */
  readonly scopes: readonly string[];
}

const CHALLENGE = 'Bearer realm="stellarindex"';

/**
 * Checks that a principal may use a route (RFC 6750).
 * @throws Problem `unauthorized` where a key could help; `insufficient-scope` where the request's key lacks the scope
 */
export function requireScope({ key, scopes }: Principal, scope: string): void {
  if (scopes.includes(scope)) return;
  if (key === null) throw unauthorized('send an API key: "Authorization: Bearer KEY"', CHALLENGE);
  throw new Problem(PROBLEMS["insufficient-scope"], `the API key ${JSON.stringify(key)} lacks the scope ${scope}`, {
    headers: { "WWW-Authenticate": `${CHALLENGE}, error="insufficient_scope", scope="${scope}"` },
  });
}

/** Returns the problem of a key that is not configured. */
export function unknownKey(): Problem {
  return unauthorized("the API key is unknown", `${CHALLENGE}, error="invalid_token"`);
}

function unauthorized(detail: string, challenge: string): Problem {
  return new Problem(PROBLEMS.unauthorized, detail, { headers: { "WWW-Authenticate": challenge } });
}
