import { type Decimal, parseDecimal } from "../canonical/decimal.ts";
import { FIAT_CODES } from "../canonical/fiat.ts";
import { InputError } from "../canonical/input-error.ts";
import { makePair } from "../canonical/pair.ts";
import { readAmount } from "./amount.ts";
import { empty, type Fields, quoted, value } from "./fields.ts";
import type { FileKind, FileTrade } from "./file-kind.ts";
import { publicationTime } from "./publication-time.ts";

const COLUMNS = ["date", "base", "quote", "rate"] as const;
type Column = (typeof COLUMNS)[number];

const ONE = parseDecimal("1");

/** A file of reference exchange rates of an FX source. */
export function rateFile(source: string): FileKind<Column> {
  return {
    columns: { names: COLUMNS, needed: COLUMNS.map((column) => [[column]]) },
    readRow: (fields) => readRate(fields, source),
  };
}

/** The rate as a trade: one unit of `base` for `rate` units of `quote`, with the date as its id. */
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
  throw new InputError(`${column} ${quoted(text)} is no currency of the ISO 4217 list, such as USD`);
}

function readQuoteAmount(fields: Fields<Column>): Decimal {
  const rate = value(fields, "rate") ?? empty("rate");
  if (rate === "N/A") throw new InputError("rate is N/A: there is none for this day");
  return readAmount("rate", rate);
}
