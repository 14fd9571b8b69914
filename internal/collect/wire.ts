import { InputError, quoted } from "../canonical/input-error.ts";
import { MICROS_PER_SECOND, type Micros, parseTime } from "../canonical/time.ts";
import { InvalidJson, isObject, JsonNumber, member, parseJson } from "../lib/exact-json.ts";

export { member };

/** What a venue sent is not what it documents. The message names the field. */
export class InvalidMessage extends InputError {}

/** @throws InvalidMessage where the text is not JSON */
export function readJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw error instanceof InvalidJson ? new InvalidMessage("is not valid JSON") : error;
  }
}

/** Returns a field that is a text. */
export function textField(value: unknown, name: string): string {
  const field = member(value, name);
  if (typeof field === "string" && field !== "") return field;
  throw new InvalidMessage(`${name} ${describe(field)}, not a text`);
}

/** Returns the digits of a number, which may be sent as JSON number or as text; exponents stay as they are. */
export function numberText(field: unknown, name: string): string {
  const text = field instanceof JsonNumber ? field.text : field;
  if (typeof text === "string" && /^\d+(\.\d+)?([eE][+-]?\d{1,3})?$/.test(text)) return text;
  throw new InvalidMessage(`${name} ${describe(field)}, not a number without a sign`);
}

export function numberField(value: unknown, name: string): string {
  return numberText(member(value, name), name);
}

/** Returns a whole number, such as an id. */
export function wholeField(value: unknown, name: string): bigint {
  return whole(member(value, name), name);
}

export function whole(field: unknown, name: string): bigint {
  const text = numberText(field, name);
  if (/^\d{1,30}$/.test(text)) return BigInt(text);
  throw new InvalidMessage(`${name} is ${quoted(text)}, not a whole number`);
}

/** Returns a time that is written as RFC 3339. */
export function timeField(value: unknown, name: string): Micros {
  const text = textField(value, name);
  try {
    return parseTime(text);
  } catch (error) {
    throw error instanceof InputError ? new InvalidMessage(`${name} ${error.message}`) : error;
  }
}

/** Returns a time in seconds since 1970 with any number of decimals; those finer than a microsecond are cut. */
export function secondsTime(text: string, name: string): Micros {
  const [, seconds, fraction = ""] = /^(\d{1,12})(?:\.(\d+))?$/.exec(text) ?? [];
  if (seconds === undefined) throw new InvalidMessage(`${name} is ${quoted(text)}, not seconds since 1970`);
  return BigInt(seconds) * MICROS_PER_SECOND + BigInt(fraction.slice(0, 6).padEnd(6, "0"));
}

/** Returns a time in microseconds since 1970; one in milliseconds would be taken for a time in 1970, so it is refused. */
export function microsField(value: unknown, name: string): Micros {
  const micros = wholeField(value, name);
  if (micros >= 10n ** 15n && micros < 10n ** 16n * 2n) return micros;
  throw new InvalidMessage(`${name} is ${micros}, not microseconds since 1970`);
}

export function listField(value: unknown, name: string): readonly unknown[] {
  const field = member(value, name);
  if (Array.isArray(field)) return field;
  throw new InvalidMessage(`${name} ${describe(field)}, not a list`);
}

export function requireObject(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  throw new InvalidMessage(`${name} ${describe(value)}, not an object`);
}

function describe(value: unknown): string {
  if (value === undefined) return "is missing";
  if (value instanceof JsonNumber) return `is the number ${quoted(value.text)}`;
  if (typeof value === "string") return `is ${quoted(value)}`;
  return `is ${Array.isArray(value) ? "a list" : value === null ? "null" : typeof value}`;
}
