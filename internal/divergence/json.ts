import { NoQuote } from "./reference.ts";

// In JSON: a string, or a number outside of strings.
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** A JSON number as it is written; a double would lose digits. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * `JSON.parse` with every number as a {@link JsonNumber}.
 * @throws NoQuote where the text is no JSON
 */
export function parseJson(text: string): unknown {
  try {
    JSON.parse(text);
    // Each number is replaced by its place in the list, which a double holds.
    const numbers: JsonNumber[] = [];
    const numbered = text.replace(TOKEN, (token) =>
      token.startsWith('"') ? token : String(numbers.push(new JsonNumber(token)) - 1),
    );
    return JSON.parse(numbered, (_key, value: unknown) => (typeof value === "number" ? numbers[value] : value));
  } catch {
    // A SyntaxError, or a RangeError where it is nested too deeply. Their messages quote the text.
    throw new NoQuote("unreadable", "the answer is no JSON");
  }
}

/** Whether a value of {@link parseJson} is an object with keys. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

/** What an object has under the key itself; undefined where it has nothing, or is no object. */
export function member(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
