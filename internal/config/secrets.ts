/** How much of a key's value is a secret: all of it, what follows the host of a URL, or the password in a URL. */
export type Secret = "whole" | "after-host" | "password";

/** What a field's `meta` says of a secret; keys.ts reads it. */
export function secret(how: Secret): { secret: Secret } {
  return { secret: how };
}

// Up to the last @, since an unescaped password may itself hold @, / or blanks: better to hide too much.
const USERINFO_PASSWORD = /(:\/\/[^:]*):.*@/gs;
const QUERY_PASSWORD = /([?&][a-z_]*password=)[^&\s"]*/gi;

// To the end, since an address may hold blanks and quotes where it is wrong.
const AFTER_HOST = /((?:http|ws)s?:\/\/[^/?#\\]*)[/?#\\].+/gis;
const MASK = "***";

/** The text with the passwords of its URLs replaced by `***`: `redis://:***@host`. */
export function maskSecrets(text: string): string {
  // The query first, since a password there may hold an @ too.
  return text.replace(QUERY_PASSWORD, `$1${MASK}`).replace(USERINFO_PASSWORD, `$1:${MASK}@`);
}

/** The value of a key that is a secret, so that it can be shown and still be read as a value of that key. */
export function maskSecret(value: string, secret: Secret): string {
  if (secret === "password") return maskSecrets(value);
  if (secret === "after-host") return maskAfterHost(value);
  return value === "" ? "" : MASK;
}

/** A text from anywhere, so that it can be shown: it may be a URL with a key in its path, at a wrong place. */
export function maskAnything(text: string): string {
  return maskAfterHost(maskSecrets(text));
}

function maskAfterHost(text: string): string {
  return text.replace(AFTER_HOST, `$1/${MASK}`);
}
