import { InputError } from "../../canonical/input-error.ts";

/** PostgreSQL stores no NUL, and no half of a surrogate pair. */
const NOT_STORABLE = /[\0\p{Cs}]/u;
const MAX_LENGTH = 10_000;

/** Returns whether PostgreSQL can store a text as it is. */
export function isStorable(text: string): boolean {
  return !NOT_STORABLE.test(text);
}

/** Returns a text that PostgreSQL can store: of limited length, with U+FFFD for what it cannot. */
export function storableText(text: string): string {
  return text.slice(0, MAX_LENGTH).replace(new RegExp(NOT_STORABLE, "gu"), "\uFFFD");
}

/**
 * Returns a JSON value as text.
 * @throws InputError where it is no JSON value, or has a text that PostgreSQL cannot store
 */
export function storableJson(value: unknown): string {
  const json = JSON.stringify(value, (key, each: unknown) => {
    const text = typeof each === "string" ? each : key;
    if (NOT_STORABLE.test(text) || NOT_STORABLE.test(key)) {
      throw new InputError(`payload has a NUL or half of a surrogate pair in ${JSON.stringify(text.slice(0, 40))}`);
    }
    return each;
  }) as string | undefined;
  if (json === undefined) throw new InputError("payload is not a JSON value");
  return json;
}
