import { type Decimal, parseDecimal } from "../canonical/decimal.ts";
import { InputError } from "../canonical/input-error.ts";
import { makePair, type Pair, parsePair } from "../canonical/pair.ts";
import type { TradeRow } from "../canonical/trade.ts";
import { amountProblem, priceProblem, signProblem, sourceProblem } from "../canonical/trade-rules.ts";
import { accepted, empty, type Fields as FieldsOf, inColumn, readAmount, value } from "./fields.ts";

/** The names under which people write the source, the market and the amounts of a trade. */
export const TRADE_COLUMNS = [
  "source",
  "venue",
  "base",
  "quote",
  "pair",
  "price",
  "size",
  "base_amount",
  "quote_amount",
] as const;
type Fields = FieldsOf<(typeof TRADE_COLUMNS)[number]>;

/** The name of price × size in messages. */
const PRODUCT = "the quote amount, price times size,";

/** Reads `source`, or else `venue`. @throws InputError */
export function readSource(fields: Fields): string {
  const source = value(fields, "source") ?? value(fields, "venue") ?? empty("source (or venue)");
  return accepted("source", source, sourceProblem);
}

/** Reads `base` and `quote`, or else `pair`, as people write assets. @throws InputError */
export function readPair(fields: Fields): Pair {
  const base = value(fields, "base");
  const quote = value(fields, "quote");
  if (base !== undefined && quote !== undefined) return makePair(base, quote);
  return parsePair(value(fields, "pair") ?? empty("base or quote (or pair)"));
}

/** Reads `base_amount` and `quote_amount`, or else `size`, and `price` times `size`. @throws InputError */
export function readAmounts(fields: Fields): Pick<TradeRow, "baseAmount" | "quoteAmount"> {
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
