/** Which part of a key's value is secret: all of it, everything after the host of a URL, or the password in a URL. */
export type Secret = "whole" | "after-host" | "password";

/** Marks a field as secret in its `meta`, which keys.ts reads. */
export function secret(how: Secret): { secret: Secret } {
  return { secret: how };
}

// Matches up to the last @, since an unescaped password may contain @, / or spaces: hiding too much is safe.
const USERINFO_PASSWORD = /(:\/\/[^:]*):.*@/gs;
// Only PostgreSQL accepts a user without a password; elsewhere a user alone is a misplaced key or password.
const USER_ALONE = /((?:^|[^a-z+])(?!postgres(?:ql)?:)[a-z][a-z+]*:\/\/)(?:[^:"]+@|[^:@"]+:@(?!.*@))/gis;
const QUERY_PASSWORD = /([?&][a-z_]*password=)[^&\s"]*/gi;
const PARAMETERS_IN_TEXT = /((?:postgres(?:ql)?|rediss?(?:\+sentinel)?):\/\/[^\s?"]*\?)([^\s")]*)/gi;
const PARAMETERS_OF_VALUE = /^((?:postgres(?:ql)?|rediss?(?:\+sentinel)?):\/\/[^?]*\?)(.*)$/gis;
// Any other parameter may be the rest of a password.
const SHOWN_PARAMETER =
  /^(?:host|port|dbname|user|username|db|family|connect_timeout|application_name|options|sslmode|sslrootcert|sslcert|sslkey|sslnegotiation|ssl_m(?:in|ax)_protocol_version|target_session_attrs|channel_binding|gssencmode)=[^@]*$/;

// Matches to the end of the text, since an invalid address may contain spaces and quotes.
const AFTER_HOST = /((?:http|ws)s?:\/\/[^/?#\\]*)[/?#\\].+/gis;
const MASK = "***";

/** Replaces the passwords of all URLs in a text by `***`: `redis://:***@host`. */
export function maskSecrets(text: string): string {
  return maskWith(PARAMETERS_IN_TEXT, text);
}

function maskWith(parameters: RegExp, text: string): string {
  // The query comes first, since a password in it may contain an @.
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
  // The part before the @ is then the end of a password; both parts are hidden.
  return parameter.includes("@") ? `${MASK}@${MASK}` : MASK;
}

/** Masks the value of a secret key; the result is still a valid value of that key. */
export function maskSecret(value: string, secret: Secret): string {
  if (secret === "password") return maskWith(PARAMETERS_OF_VALUE, value);
  if (secret === "after-host") return maskAfterHost(value);
  return value === "" ? "" : MASK;
}

/** Masks any text: it may be a misplaced URL with a key in its path. */
export function maskAnything(text: string): string {
  return maskAfterHost(maskSecrets(text));
}

function maskAfterHost(text: string): string {
  return text.replace(AFTER_HOST, `$1/${MASK}`);
}
