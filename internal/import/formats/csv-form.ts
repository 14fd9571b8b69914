import { InputError } from "../../canonical/input-error.ts";
import type { Fields } from "../../ingest/fields.ts";
import { checkColumns } from "../columns.ts";
import { rowReader, splitHeader } from "../csv.ts";
import type { FileTrade } from "../file-kind.ts";
import { type OpenedForm, readLine } from "../format-detector.ts";
import { adviceOn, isHeader } from "./advice.ts";
import { columnsOf, type Format } from "./format.ts";
import type { Given } from "./given.ts";
import type { KnownFile } from "./known-file.ts";
import { candidates, hasKeys, isRow, plainName, told } from "./match.ts";
import { understoodOwn, withGiven } from "./own-kind.ts";
import { openFormat } from "./reading.ts";

/** A CSV file: the names of its columns, and whether its first line has them. */
interface Table {
  readonly names: readonly string[];
  readonly isHeader: boolean;
}

/**
 * Opens a CSV file by its first line: with the columns of `import`, as they are or as `--map` calls them, else in the
 * format that the line looks like.
 * @throws InputError where it is in none of them, or in several
 */
export function openAnyCsv(text: string, given: Given, file: KnownFile): OpenedForm {
  const first = splitHeader(text, given.delimiter);
  if (given.format === undefined) {
    const own = openOwn(first, given, file);
    if (own instanceof InputError && given.map !== undefined) throw own;
    if (!(own instanceof InputError)) return own;
    return openNative(first, given, file) ?? refuse(first, given, own);
  }
  return openNative(first, given, file) ?? refuseAs(given.format, first, given);
}

function openOwn(first: readonly string[], given: Given, file: KnownFile): OpenedForm | InputError {
  const numbers = first.map((_, place) => String(place + 1));
  const wanted = [...(given.map?.values() ?? [])];
  if (given.noHeader && wanted.some((column) => !/^\d+$/.test(column))) {
    return new InputError("has no header, as given: --map has to name its columns by number, as ts=1");
  }
  // A column may be named by its number, where none is called so.
  const numbered = first.map((name, place) => {
    const number = String(place + 1);
    return wanted.includes(number) && !first.some((each) => each.trim() === number) ? number : name;
  });
  const kind = withGiven(file.kind, given);
  try {
    const names = checkColumns(kind.columns, given.noHeader ? numbers : numbered);
    file.onUnderstood(understoodOwn(file.kind, names, given));
    return form({ names, isHeader: !given.noHeader }, kind.columns.names, given, kind.readRow);
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
}

function openNative(first: readonly string[], given: Given, file: KnownFile): OpenedForm | null {
  const formats = candidates(given);
  const byHeader = formats.filter(
    (format) => (format.hasHeader || given.format !== undefined) && hasKeys(format, first),
  );
  if (byHeader.length > 0 && !given.noHeader) {
    return openAs(onlyOne(told(byHeader, file.names, given)), { names: first, isHeader: true }, given, file);
  }
  const byRow = formats.filter((format) => isRow(format, first));
  if (byRow.length === 0) return null;
  const format = onlyOne(told(byRow, file.names, given));
  const names = (format.headerless ?? []).map(([column]) => column);
  return openAs(format, { names, isHeader: false }, given, file);
}

function openAs(format: Format, { names, isHeader }: Table, given: Given, file: KnownFile): OpenedForm {
  const columns = columnsOf(format);
  const named = names.map((name) => columns.find((column) => plainName(column) === plainName(name)) ?? name.trim());
  const reading = openFormat(format, given, {
    names: file.names,
    has: (column) => named.includes(column),
    nameOf: (column) => (isHeader ? column : `column ${named.indexOf(column) + 1}`),
  });
  file.onUnderstood({ format: `${format.name}, ${isHeader ? "with" : "without"} header`, fields: reading.understood });
  return form({ names: named, isHeader }, columns, given, (record) => file.kind.readRow(reading.read(record)));
}

function form(
  { names, isHeader }: Table,
  wanted: readonly string[],
  { delimiter }: Given,
  readRow: (record: Fields) => FileTrade,
): OpenedForm {
  const readFields = rowReader(names, wanted, isHeader ? "the header" : "the first row", delimiter);
  return { readRows: (line) => [readLine(line, (text) => readRow(readFields(text)))], isHeader };
}

function onlyOne(formats: readonly Format[]): Format {
  const [format, ...others] = formats;
  if (format !== undefined && others.length === 0) return format;
  const options = formats.map(({ name, source }) => {
    return `--format ${name}${source.always === undefined ? " --source NAME" : ""} --pair BASE/QUOTE`;
  });
  throw new InputError(
    `looks like ${formats.map(({ title }) => title).join(", and like ")}; nothing tells which: add ${options.join(" or ")}`,
  );
}

function refuse(first: readonly string[], given: Given, own: InputError): never {
  const byNumber = "--map with the numbers of columns, as --map ts=1,price=2,size=3";
  if (given.noHeader) throw new InputError(`is in no known format; without a header, add ${byNumber}`);
  const advice = adviceOn(first, given);
  if (advice !== null) throw new InputError(advice);
  throw new InputError(isHeader(first) ? own.message : `${own.message}, or add --no-header and ${byNumber}`);
}

function refuseAs(name: string, first: readonly string[], given: Given): never {
  const [format] = candidates(given);
  const columns = format?.headerless?.map(([column]) => column) ?? format?.keys ?? [];
  throw new InputError(
    `is not of the format ${name}, whose columns are ${columns.join(", ")}; its first line has ${first
      .map((text) => text.trim())
      .join(", ")
      .slice(0, 200)}`,
  );
}
