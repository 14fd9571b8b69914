import { type Decimal, parseDecimal, ZERO } from "../canonical/decimal.ts";
import { InputError } from "../canonical/input-error.ts";
import type { Micros } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";
import { amountProblem, type Problem, priceProblem, timeProblem, tradeIdProblem } from "../canonical/trade-rules.ts";
import type { CollectedFeed } from "./feed.ts";
import { InvalidMessage } from "./wire.ts";

/** What the venue says of a trade; amounts in whole units, as text. */
export interface TradeWords {
  readonly id: string;
  readonly ts: Micros;
  readonly size: string;
  /** Either the price, of which times the size is the quote amount, or the quote amount itself. */
  readonly price?: string;
  readonly quoteAmount?: string;
}

/**
 * Returns the trade as it is stored; null where an amount is 0, which has no price.
 * @throws InvalidMessage where a field cannot be stored
 */
export function tradeOf({ source, pair }: CollectedFeed, words: TradeWords): TradeRow | null {
  const baseAmount = decimal("size", words.size);
  const quoteAmount =
    words.quoteAmount === undefined
      ? decimal("price", words.price ?? "").times(baseAmount)
      : decimal("quote amount", words.quoteAmount);
  if (baseAmount.equals(ZERO) || quoteAmount.equals(ZERO)) return null;
  check("time", timeProblem(words.ts));
  check("trade id", tradeIdProblem(words.id));
  check("size", amountProblem(baseAmount));
  check("quote amount", amountProblem(quoteAmount) ?? priceProblem(baseAmount, quoteAmount));
  return { ...pair, ts: words.ts, source, tradeId: words.id, baseAmount, quoteAmount };
}

function decimal(name: string, text: string): Decimal {
  try {
    return parseDecimal(text);
  } catch (error) {
    throw error instanceof InputError ? new InvalidMessage(`${name} ${error.message}`) : error;
  }
}

function check(name: string, problem: Problem | null): void {
  if (problem !== null) throw new InvalidMessage(`${name} ${problem.reason}`);
}
