/** Of what a receiver says so many characters are kept. */
const MAX_DETAIL = 500;
/** Shorter texts are no secrets, and occur everywhere. */
const LEAST_SECRET = 8;
const MASK = "***";
/** Control and formatting characters, which could break a log or a terminal. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\s]+/gu;

/** Makes a receiver's words fit for the record: on one line, at most 500 characters, without the secrets it was sent. */
export type Redact = (text: string) => string;

/**
 * @param secrets texts that may be echoed; of `Bearer TOKEN` the token, too, and of a path each long part
 */
export function makeRedact(secrets: readonly string[]): Redact {
  const hidden = [
    ...new Set(secrets.flatMap((secret) => [secret, ...secret.split(/\s+/), ...secret.split(/[\s/?&=]+/)])),
  ]
    .filter((text) => text.length >= LEAST_SECRET)
    .sort((a, b) => b.length - a.length);
  return (text) => {
    const shown = hidden
      .reduce((rest, secret) => rest.replaceAll(secret, MASK), text)
      .replace(UNPRINTABLE, " ")
      .trim();
    return shown.length > MAX_DETAIL ? `${shown.slice(0, MAX_DETAIL - 1)}…` : shown;
  };
}
