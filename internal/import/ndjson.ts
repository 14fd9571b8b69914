import { InputError } from "../canonical/input-error.ts";
import type { Fields } from "../ingest/fields.ts";
import { type Columns, checkColumns } from "./columns.ts";

// Matches a JSON string, or a number outside strings.
const TOKEN = /"(?:[^"\\]|\\.)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * Checks that a line of an NDJSON file has the required keys.
 * @returns the parser of a row; it throws InputError where a line is not a flat object of texts and numbers
 * @throws InputError where the line is not a JSON object, or columns are missing
 */
export function ndjsonReader(line: string, columns: Columns): (text: string) => Fields {
  const keys = Object.keys(parseObject(line));
  const names = checkColumns(columns, keys);
  const keyOf = new Map(names.map((name, place) => [name, keys[place] ?? name]));
  return (text) => {
    const object = parseObject(text);
    const fields: Fields = {};
    for (const column of columns.names) {
      const value = object[keyOf.get(column) ?? column];
      if (value === undefined || value === null) continue;
      if (typeof value !== "string") throw new InputError(`${column} is neither a text nor a number`);
      fields[column] = value;
    }
    return fields;
  };
}

function parseObject(text: string): Record<string, unknown> {
  // Numbers are quoted because doubles would lose digits. Quoting does not make invalid JSON valid.
  const quoted = text.replace(TOKEN, (token) => (token.startsWith('"') ? token : `"${token}"`));
  let value: unknown;
  try {
    value = JSON.parse(quoted);
  } catch {
    throw notWhole("one whole JSON object on one line", text);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new InputError("is not a JSON object");
  return value as Record<string, unknown>;
}

/** Returns the error of a text that is not JSON as a whole, such as a part of an object. */
export function notWhole(what: string, text: string): InputError {
  const cure = /\},\s*$/.test(text)
    ? "it ends with a comma: sed 's/,$//' FILE > trades.ndjson"
    : "jq -c . FILE makes such lines";
  return new InputError(`is not ${what}; ${cure}`);
}
