/** How much of a key's value is a secret: all of it, what follows the host of a URL, or the password in a URL. */
export type Secret = "whole" | "after-host" | "password";

/** What a field's `meta` says of a secret; keys.ts reads it. */
export function secret(how: Secret): { secret: Secret } {
  return { secret: how };
}

// Up to the last @, since an unescaped password may itself hold @, / or blanks: better to hide too much.
const USERINFO_PASSWORD = /(:\/\/[^:]*):.*@/gs;
// Only PostgreSQL lets a user in by its name alone; elsewhere it is a key or a password at the wrong place.
const USER_ALONE = /((?:^|[^a-z+])(?!postgres(?:ql)?:)[a-z][a-z+]*:\/\/)(?:[^:"]+@|[^:@"]+:@(?!.*@))/gis;
const QUERY_PASSWORD = /([?&][a-z_]*password=)[^&\s"]*/gi;
const PARAMETERS_IN_TEXT = /((?:postgres(?:ql)?|rediss?(?:\+sentinel)?):\/\/[^\s?"]*\?)([^\s")]*)/gi;
const PARAMETERS_OF_VALUE = /^((?:postgres(?:ql)?|rediss?(?:\+sentinel)?):\/\/[^?]*\?)(.*)$/gis;
// What is none of these may be anything, such as the rest of a password.
const SHOWN_PARAMETER =
  /^(?:host|port|dbname|user|username|db|family|connect_timeout|application_name|options|sslmode|sslrootcert|sslcert|sslkey|sslnegotiation|ssl_m(?:in|ax)_protocol_version|target_session_attrs|channel_binding|gssencmode)=[^@]*$/;

// To the end, since an address may hold blanks and quotes where it is wrong.
const AFTER_HOST = /((?:http|ws)s?:\/\/[^/?#\\]*)[/?#\\].+/gis;
const MASK = "***";

/** The text with the passwords of its URLs replaced by `***`: `redis://:***@host`. */
export function maskSecrets(text: string): string {
  return maskWith(PARAMETERS_IN_TEXT, text);
}

function maskWith(parameters: RegExp, text: string): string {
  // The query first, since a password there may hold an @ too.
  return text
    .replace(
      parameters,
      (_all, before: string, query: string) => before + query.split("&").map(maskParameter).join("&"),
    )
    .replace(QUERY_PASSWORD, `$1${MASK}`)
    .replace(USER_ALONE, `$1${MASK}@`)
    .replace(USERINFO_PASSWORD, `$1:${MASK}@`);
}

function maskParameter(parameter: string): string {
  if (SHOWN_PARAMETER.test(parameter)) return parameter;
  const [, name] = /^([a-z_]*password=|[a-z_.]+=(?=[^@]*$))/is.exec(parameter) ?? [];
  if (name !== undefined) return name + MASK;
  // What is before the @ then is the rest of a password, and hidden with its beginning.
  return parameter.includes("@") ? `${MASK}@${MASK}` : MASK;
}

/** The value of a key that is a secret, so that it can be shown and still be read as a value of that key. */
export function maskSecret(value: string, secret: Secret): string {
  if (secret === "password") return maskWith(PARAMETERS_OF_VALUE, value);
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
