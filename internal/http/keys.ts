import { createHash, randomBytes } from "node:crypto";
import { unknownKey } from "./principal.ts";

/** An API key in the configuration. */
export interface KeySettings {
  readonly name: string;
  /** See {@link hashKey}. */
  readonly hash: string;
  /** What requests with this key may do. */
  readonly scopes: readonly string[];
  /** The tenant whose data requests with this key see; absent where tenants are not kept apart. */
  readonly tenant?: string | undefined;
  /** Requests per minute, 0 for no limit; absent for the default limit. */
  readonly rate_limit_per_minute?: number | undefined;
}

const BEARER = /^bearer +([\w.~+/-]+=*) *$/i;

/** Returns a new key with 256 random bits. */
export function makeKey(): string {
  return `si_${randomBytes(32).toString("base64url")}`;
}

/** Returns the hash to store. One round of SHA-256 is enough, as these keys are too long and random to be guessed. */
export function hashKey(key: string): string {
  return `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

/**
 * Returns a function that finds keys by their hashes. The lookup leaks nothing through its timing, as a caller cannot
 * choose the hash of a guess.
 * @returns the key of an Authorization header; null where the header has none
 * @throws Problem where the key is unknown
 */
export function makeKeyring(keys: readonly KeySettings[]): (authorization: string) => KeySettings | null {
  const byHash = new Map(keys.map((key) => [key.hash, key]));
  return (authorization) => {
    const [, key] = BEARER.exec(authorization) ?? [];
    if (key === undefined) return null;
    const known = byHash.get(hashKey(key));
    if (known === undefined) throw unknownKey();
    return known;
  };
}
