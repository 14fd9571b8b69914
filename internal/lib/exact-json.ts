// Matches a JSON string, or a number outside strings.
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** A JSON number as its source text; a double would lose digits. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The text is not valid JSON. The message does not quote it because it may contain a secret. */
export class InvalidJson extends Error {
  override readonly name = "InvalidJson";
}

/**
 * `JSON.parse` with every number as a {@link JsonNumber}.
 * @throws InvalidJson where the text is not JSON
 */
export function parseJson(text: string): unknown {
  try {
    JSON.parse(text);
    // Each number is replaced by its index in the list, which a double represents exactly.
    const numbers: JsonNumber[] = [];
    const numbered = text.replace(TOKEN, (token) =>
      token.startsWith('"') ? token : String(numbers.push(new JsonNumber(token)) - 1),
    );
    return JSON.parse(numbered, (_key, value: unknown) => (typeof value === "number" ? numbers[value] : value));
  } catch {
    // A SyntaxError, or a RangeError if the nesting is too deep. Their messages quote the text.
    throw new InvalidJson("the response is not valid JSON");
  }
}

/** Returns whether a value of {@link parseJson} is a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

/** Returns an own property of a JSON object; undefined if it is missing or the value is not an object. */
export function member(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
