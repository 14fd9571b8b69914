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

/**
 * Writes a value of {@link parseJson}, or one made of such, as JSON without blanks: each number as it was written.
 * Properties that are undefined are left out.
 */
export function formatJson(value: unknown): string {
  if (value instanceof JsonNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(formatJson).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${formatJson(each)}`).join(",")}}`;
}

/** Returns whether a value of {@link parseJson} is a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

/** Returns an own property of a JSON object; undefined if it is missing or the value is not an object. */
export function member(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** A number in a JSON text that a double would change. */
export interface InexactNumber {
  /** Where it is: keys and indexes from the outermost value. */
  readonly path: readonly (string | number)[];
  readonly text: string;
}

// A number of fewer digits and without an exponent is never changed; most texts have no other.
const MAYBE_INEXACT = /[\d.]{16}|\d[eE]/;

/**
 * Returns the numbers of a JSON text that `JSON.parse` would change, at most `limit`: those that are not the shortest
 * decimal of any double, but for zeros at the end and the way they are written.
 * @throws InvalidJson where the text is not JSON
 */
export function inexactNumbers(text: string, limit: number): InexactNumber[] {
  if (!MAYBE_INEXACT.test(text)) return [];
  const found: InexactNumber[] = [];
  function visit(value: unknown, path: readonly (string | number)[]): void {
    if (found.length >= limit) return;
    if (value instanceof JsonNumber) {
      if (!isKept(value.text)) found.push({ path, text: value.text });
    } else if (Array.isArray(value)) {
      for (const [index, each] of value.entries()) visit(each, [...path, index]);
    } else if (isObject(value)) {
      for (const [key, each] of Object.entries(value)) visit(each, [...path, key]);
    }
  }
  visit(parseJson(text), []);
  return found;
}

function isKept(text: string): boolean {
  const double = Number(text);
  return Number.isFinite(double) && decimalOf(text) === decimalOf(String(double));
}

/** Returns a form that is the same for all ways to write a number. */
function decimalOf(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  // No /0+$/, which takes quadratic time for zeros within.
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  if (end === 0) return "0";
  return `${sign}${digits.slice(0, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
