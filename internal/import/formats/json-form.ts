import { InputError } from "../../canonical/input-error.ts";
import type { Fields } from "../../ingest/fields.ts";
import { InvalidJson, isObject, JsonNumber, member, parseJson } from "../../lib/exact-json.ts";
import { checkColumns } from "../columns.ts";
import type { FileTrade } from "../file-kind.ts";
import { type OpenedForm, readLine } from "../format-detector.ts";
import { ndjsonReader, notWhole } from "../ndjson.ts";
import { rowOf } from "../read-row.ts";
import { adviceOn } from "./advice.ts";
import { columnsOf, type Format } from "./format.ts";
import type { Given } from "./given.ts";
import type { KnownFile } from "./known-file.ts";
import { candidates, hasKeys, plainName } from "./match.ts";
import { understoodOwn, withGiven } from "./own-kind.ts";
import { openFormat } from "./reading.ts";

/** Returns the records of a document. */
type Records = (document: unknown) => readonly unknown[];

/**
 * Opens JSON by its first document, which is a line or the whole file: an object, an array of objects, or an answer of
 * an API that a format knows.
 * @throws InputError where it is in no known form
 */
export function openAnyJson(text: string, given: Given, file: KnownFile): OpenedForm {
  const document = parse(text);
  const answer = candidates(given).find(({ recordsIn }) => recordsIn?.(document) != null);
  if (answer !== undefined) return openAs(answer, document, given, file);
  const first: unknown = Array.isArray(document) ? document[0] : document;
  if (Array.isArray(document) && document.length === 0)
    throw new InputError("is an empty JSON array: it has no trades");
  if (!isObject(first)) throw new InputError("is not a JSON object, nor an array of objects");
  const keys = Object.keys(first);
  if (given.format !== undefined) {
    const [format] = candidates(given);
    if (format?.isJson && hasKeys(format, keys)) return openAs(format, document, given, file);
    throw new InputError(
      `is not of the format ${given.format}, whose keys are ${format?.keys.join(", ")}; it has ${keys.join(", ").slice(0, 200)}`,
    );
  }
  const own = openOwn(text, document, first, given, file);
  if (!(own instanceof InputError)) return own;
  const format = given.map === undefined && candidates(given).find((each) => each.isJson && hasKeys(each, keys));
  if (format) return openAs(format, document, given, file);
  throw new InputError((given.map === undefined && adviceOn(keys, given)) || own.message);
}

function openOwn(
  text: string,
  document: unknown,
  first: Readonly<Record<string, unknown>>,
  given: Given,
  file: KnownFile,
): OpenedForm | InputError {
  const kind = withGiven(file.kind, given);
  const keys = Object.keys(first);
  // A path such as `info.price` names a value inside of another.
  const paths = kind.columns.names.filter((column) => !keys.includes(column) && valueAt(first, column) !== undefined);
  const present = [...keys, ...paths];
  try {
    const names = checkColumns(kind.columns, present);
    const keyOf = new Map(names.map((name, place) => [name, present[place] ?? name]));
    file.onUnderstood(understoodOwn(file.kind, names, given));
    if (document === first && paths.length === 0) return linesOf(ndjsonReader(text, kind.columns), kind.readRow);
    return form(elements, kind.columns.names, (column) => keyOf.get(column) ?? column, kind.readRow);
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
}

function linesOf(readFields: (text: string) => Fields, readRow: (record: Fields) => FileTrade): OpenedForm {
  return { readRows: (line) => [readLine(line, (text) => readRow(readFields(text)))], isHeader: false };
}

function openAs(format: Format, document: unknown, given: Given, file: KnownFile): OpenedForm {
  const records: Records = (each) => format.recordsIn?.(each) ?? elements(each);
  const [first] = records(document);
  const keys = isObject(first) ? Object.keys(first) : [];
  const keyOf = new Map(
    columnsOf(format).map((column) => [column, keys.find((key) => plainName(key) === plainName(column))]),
  );
  const nameOf = (column: string): string => keyOf.get(column) ?? column;
  const has = (column: string): boolean => first === undefined || keyOf.get(column) !== undefined;
  const reading = openFormat(format, given, { names: file.names, has, nameOf });
  file.onUnderstood({ format: `${format.name}, JSON`, fields: reading.understood });
  return form(records, columnsOf(format), nameOf, (record) => file.kind.readRow(reading.read(record)));
}

function form(
  records: Records,
  columns: readonly string[],
  keyOf: (column: string) => string,
  readRow: (record: Fields) => FileTrade,
): OpenedForm {
  const readRecord = (record: unknown): FileTrade => readRow(fieldsOf(record, columns, keyOf));
  return {
    readRows({ number, text }) {
      try {
        return records(parse(text)).map((record) => rowOf(number, () => readRecord(record)));
      } catch (error) {
        if (error instanceof InputError) return [{ line: number, reason: error.message }];
        throw error;
      }
    },
    isHeader: false,
  };
}

const elements: Records = (document) => (Array.isArray(document) ? document : [document]);

/** Returns the values of a record as they are written, so that no digit of a number is lost. */
function fieldsOf(record: unknown, columns: readonly string[], keyOf: (column: string) => string): Fields {
  if (!isObject(record)) throw new InputError("is not a JSON object");
  const fields: Fields = {};
  for (const column of columns) {
    const value = valueAt(record, keyOf(column));
    if (value === undefined || value === null || typeof value === "boolean") continue;
    if (typeof value === "string") fields[column] = value;
    else if (value instanceof JsonNumber) fields[column] = value.text;
    else throw new InputError(`${keyOf(column)} is neither a text nor a number`);
  }
  return fields;
}

function valueAt(record: unknown, path: string): unknown {
  const own = member(record, path);
  if (own !== undefined || !path.includes(".")) return own;
  return path.split(".").reduce(member, record);
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof InvalidJson)) throw error;
    throw notWhole(text.includes("\n") ? "one whole JSON document" : "one whole JSON object on one line", text);
  }
}
