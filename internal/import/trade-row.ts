import { type Decimal, parseDecimal } from "../canonical/decimal.ts";
import { InputError, quoted } from "../canonical/input-error.ts";
import { makePair, type Pair, parsePair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";
import {
  amountProblem,
  priceProblem,
  signProblem,
  sourceProblem,
  timeProblem,
  tradeIdProblem,
} from "../canonical/trade-rules.ts";
import { accepted, empty, type Fields as FieldsOf, inColumn, readAmount, value } from "./fields.ts";
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

/** The name of price × size in messages. */
const PRODUCT = "the quote amount, price times size,";
/** Scientific notation, which has lost digits, or a spreadsheet formula that protects an id from it. */
const SPREADSHEET_ID = /^(?:\d(?:[.,]\d+)?[eE]\+\d+|=".*")$/;

/**
 * A file of trades. `source` has precedence over `venue`, `base` and `quote` over `pair`, and the amounts over `price`
 * and `size`.
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
  return accepted("ts", inColumn("ts", readFileTime, value(fields, "ts") ?? empty("ts")), timeProblem);
}

function readSource(fields: Fields): string {
  const source = value(fields, "source") ?? value(fields, "venue") ?? empty("source (or venue)");
  return accepted("source", source, sourceProblem);
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
    const baseAmount = readAmount("base_amount", base);
    return { baseAmount, quoteAmount: checkPrice("quote_amount", baseAmount, readAmount("quote_amount", quote)) };
  }
  const missing = () => empty("price or size (or base_amount and quote_amount)");
  const price = accepted("price", inColumn("price", parseDecimal, value(fields, "price") ?? missing()), signProblem);
  const size = readAmount("size", value(fields, "size") ?? missing());
  return { baseAmount: size, quoteAmount: checkPrice(PRODUCT, size, checkProduct(price.times(size))) };
}

/** Checks price × size, which is never rounded. */
function checkProduct(quoteAmount: Decimal): Decimal {
  const problem = amountProblem(quoteAmount);
  if (problem === null) return quoteAmount;
  throw new InputError(
    `${PRODUCT} ${problem.reason}; write the amounts that the venue reports, as base_amount and quote_amount`,
  );
}

function checkPrice(column: string, baseAmount: Decimal, quoteAmount: Decimal): Decimal {
  return accepted(column, quoteAmount, () => priceProblem(baseAmount, quoteAmount));
}

function readId(fields: Fields): string | undefined {
  const tradeId = value(fields, "trade_id");
  if (tradeId === undefined) return undefined;
  if (SPREADSHEET_ID.test(tradeId)) {
    throw new InputError(
      `trade_id ${quoted(tradeId)} was altered by a spreadsheet or float conversion, which merges ids: export ids as text`,
    );
  }
  return accepted("trade_id", tradeId, tradeIdProblem);
}
