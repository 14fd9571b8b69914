import { createHash, randomBytes } from "node:crypto";
import { Problem } from "../problem.ts";

/** A key of `[[api.keys]]`: the name it is known by, and the hash of it. */
export interface KeySettings {
  readonly name: string;
  /** As `hashKey` gives it. */
  readonly hash: string;
  /** Requests a minute, 0 for any number; the API's own limit where there is none. */
  readonly rate_limit_per_minute?: number | undefined;
}

const BEARER = /^bearer +([\w.~+/-]+=*) *$/i;
const CHALLENGE = 'Bearer realm="stellarindex"';

/** A new key, of 256 random bits. */
export function makeKey(): string {
  return `si_${randomBytes(32).toString("base64url")}`;
}

/** What is kept of a key. One round of SHA-256 is enough for what is as long and as random as these keys. */
export function hashKey(key: string): string {
  return `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

/**
 * Finds keys by their hashes. How long that takes tells nothing: who sends a guess does not choose what it is hashed to.
 * @returns the key of an Authorization header; null where it holds none
 * @throws Problem where the key is not known
 */
export function makeKeyring(keys: readonly KeySettings[]): (authorization: string) => KeySettings | null {
  const byHash = new Map(keys.map((key) => [key.hash, key]));
  return (authorization) => {
    const [, key] = BEARER.exec(authorization) ?? [];
    if (key === undefined) return null;
    const known = byHash.get(hashKey(key));
    if (known === undefined) throw unauthorized("the API key is not known", `${CHALLENGE}, error="invalid_token"`);
    return known;
  };
}

/** There is no key where one is needed. */
export function keyNeeded(): Problem {
  return unauthorized('send an API key: "Authorization: Bearer KEY"', CHALLENGE);
}

function unauthorized(detail: string, challenge: string): Problem {
  return new Problem("unauthorized", detail, { headers: { "WWW-Authenticate": challenge } });
}
