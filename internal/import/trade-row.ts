import { type Decimal, formatDecimal, parseDecimal, ZERO } from "../canonical/decimal.ts";
import { InputError } from "../canonical/input-error.ts";
import { makePair, type Pair, parsePair } from "../canonical/pair.ts";
import { type Micros, parseTime } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";
import { SOURCE_NAME } from "../sources/registry.ts";
import { checkAmount, readAmount } from "./amount.ts";
import { empty, type Fields as FieldsOf, inColumn, quoted, value } from "./fields.ts";
import type { FileKind, FileTrade } from "./file-kind.ts";
import { readFileTime } from "./file-time.ts";

const COLUMNS = [
  "ts",
  "source",
  "venue",
  "base",
  "quote",
  "pair",
  "price",
  "size",
  "base_amount",
  "quote_amount",
  "trade_id",
] as const;
type Column = (typeof COLUMNS)[number];
type Fields = FieldsOf<Column>;

const PRICE_UNITS = parseDecimal("1e30");
const YEAR_1 = parseTime("0001-01-01T00:00:00Z");
const LAST_MOMENT = parseTime("9999-12-31T23:59:59.999999Z");
const LONGEST_TRADE_ID = 256;
// Surrogates and U+FFFD: what was no valid text, and could make one id of two.
const NOT_IN_TRADE_ID = /[\p{Cc}\p{Cs}\uFFFD]/u;
/** A number in scientific notation, of which digits are gone, or the formula that keeps a spreadsheet from making it one. */
const SPREADSHEET_ID = /^(?:\d(?:[.,]\d+)?[eE]\+\d+|=".*")$/;

/**
 * A file of trades. Where both are there, `source` is taken before `venue`, `base` and `quote` before `pair`, the amounts
 * before `price` and `size`.
 */
export const TRADE_FILE: FileKind<Column> = {
  columns: {
    names: COLUMNS,
    needed: [
      [["ts"]],
      [["source"], ["venue"]],
      [["base", "quote"], ["pair"]],
      [
        ["price", "size"],
        ["base_amount", "quote_amount"],
      ],
    ],
  },
  readRow: readTrade,
};

function readTrade(fields: Fields): FileTrade {
  const ts = readTs(fields);
  const source = readSource(fields);
  const { base, quote } = readPair(fields);
  const { baseAmount, quoteAmount } = readAmounts(fields);
  return { ts, source, base, quote, baseAmount, quoteAmount, tradeId: readId(fields) };
}

function readTs(fields: Fields): Micros {
  const ts = inColumn("ts", readFileTime, value(fields, "ts") ?? empty("ts"));
  if (ts < YEAR_1 || ts > LAST_MOMENT) throw new InputError("ts is outside the years 1 to 9999 in UTC");
  return ts;
}

function readSource(fields: Fields): string {
  const source = value(fields, "source") ?? value(fields, "venue") ?? empty("source (or venue)");
  if (SOURCE_NAME.test(source)) return source;
  const lower = source.toLowerCase();
  throw new InputError(
    SOURCE_NAME.test(lower)
      ? `source ${JSON.stringify(source)} has upper-case letters; names of sources have none: write ${lower}`
      : `source ${quoted(source)} is not 1 to 64 of a-z, 0-9, dot, dash and underscore, with a letter or digit first`,
  );
}

function readPair(fields: Fields): Pair {
  const base = value(fields, "base");
  const quote = value(fields, "quote");
  if (base !== undefined && quote !== undefined) return makePair(base, quote);
  return parsePair(value(fields, "pair") ?? empty("base or quote (or pair)"));
}

function readAmounts(fields: Fields): Pick<TradeRow, "baseAmount" | "quoteAmount"> {
  const base = value(fields, "base_amount");
  const quote = value(fields, "quote_amount");
  if (base !== undefined && quote !== undefined) {
    return checkPrice(readAmount("base_amount", base), readAmount("quote_amount", quote));
  }
  const missing = () => empty("price or size (or base_amount and quote_amount)");
  const price = inColumn("price", parseDecimal, value(fields, "price") ?? missing());
  if (price.lte(ZERO)) throw new InputError(`price is ${formatDecimal(price)}, but has to be above 0`);
  const size = readAmount("size", value(fields, "size") ?? missing());
  return checkPrice(size, checkProduct(price.times(size)));
}

/** Nothing is rounded that a file says exactly. */
function checkProduct(quoteAmount: Decimal): Decimal {
  try {
    return checkAmount("the quote amount, price times size,", quoteAmount);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${error.message}; write what the venue says was paid, as base_amount and quote_amount`);
  }
}

/** The price is kept to 30 decimals and must not be 0 there. */
function checkPrice(baseAmount: Decimal, quoteAmount: Decimal): Pick<TradeRow, "baseAmount" | "quoteAmount"> {
  if (quoteAmount.times(PRICE_UNITS).lt(baseAmount)) throw new InputError("the price is below 1e-30");
  return { baseAmount, quoteAmount };
}

function readId(fields: Fields): string | undefined {
  const tradeId = value(fields, "trade_id");
  if (tradeId === undefined) return undefined;
  if (tradeId.length > LONGEST_TRADE_ID && [...tradeId].length > LONGEST_TRADE_ID) {
    throw new InputError(`trade_id ${quoted(tradeId)} is longer than ${LONGEST_TRADE_ID} characters`);
  }
  if (SPREADSHEET_ID.test(tradeId)) {
    throw new InputError(
      `trade_id ${quoted(tradeId)} is what a spreadsheet or a float makes of an id; ids of many trades become one by that: export them as text`,
    );
  }
  if (NOT_IN_TRADE_ID.test(tradeId)) {
    throw new InputError(`trade_id ${quoted(tradeId)} has control characters or is not UTF-8`);
  }
  return tradeId;
}
