import { type Decimal, parseDecimal } from "../canonical/decimal.ts";
import { FIAT_CODES, FORMER_FIAT_CODES } from "../canonical/fiat.ts";
import { InputError, quoted } from "../canonical/input-error.ts";
import { makePair } from "../canonical/pair.ts";
import { publicationTime } from "../canonical/publication-time.ts";
import { empty, type Fields, readAmount, value } from "../ingest/fields.ts";
import { type FileKind, type FileTrade, SkippedRow } from "./file-kind.ts";

const COLUMNS = ["date", "base", "quote", "rate"] as const;
type Column = (typeof COLUMNS)[number];

const ONE = parseDecimal("1");

/** Returns the kind of file that has reference exchange rates of an FX source. */
export function rateFile(source: string): FileKind<Column> {
  return {
    columns: { names: COLUMNS, needed: COLUMNS.map((column) => [[column]]), cureFor },
    readRow: (fields) => readRate(fields, source),
  };
}

/** Recognizes the European Central Bank's own file, which has a column per currency. */
function cureFor(present: readonly string[]): string | null {
  const currencies = present.filter((name) => FIAT_CODES.has(name.trim()));
  return currencies.length < 2 ? null : "a column per currency is turned into a row per rate as import-fx --help shows";
}

/** Returns the rate as a trade of one unit of `base` for `rate` units of `quote`, with the date as its id. */
function readRate(fields: Fields<Column>, source: string): FileTrade {
  const date = value(fields, "date") ?? empty("date");
  return {
    ts: publicationTime(date),
    source,
    ...makePair(readCurrency(fields, "base"), readCurrency(fields, "quote")),
    baseAmount: ONE,
    quoteAmount: readQuoteAmount(fields),
    tradeId: date,
  };
}

function readCurrency(fields: Fields<Column>, column: "base" | "quote"): string {
  const text = value(fields, column) ?? empty(column);
  const code = text.startsWith("fiat:") ? text.slice("fiat:".length) : text;
  if (FIAT_CODES.has(code)) return `fiat:${code}`;
  const refuse = `${column} ${quoted(text)} is no currency of the ISO 4217 list`;
  if (FORMER_FIAT_CODES.has(code)) throw new SkippedRow("rates of currencies that are no longer in use", refuse);
  const upper = code.toUpperCase();
  throw new InputError(FIAT_CODES.has(upper) ? `${refuse}; did you mean ${upper}?` : `${refuse}, such as USD`);
}

function readQuoteAmount(fields: Fields<Column>): Decimal {
  const rate = value(fields, "rate") ?? empty("rate");
  if (rate === "N/A") throw new InputError("rate is N/A: there is none for this day");
  return readAmount("rate", rate);
}
