// Up to the last @, since an unescaped password may itself hold @, / or blanks: better to hide too much.
const USERINFO_PASSWORD = /(:\/\/[^:]*):.*@/gs;
const QUERY_PASSWORD = /([?&][a-z_]*password=)[^&\s"]*/gi;

/** The text with the passwords of its URLs replaced by `***`: `redis://:***@host`. */
export function maskSecrets(text: string): string {
  return text.replace(USERINFO_PASSWORD, "$1:***@").replace(QUERY_PASSWORD, "$1***");
}
