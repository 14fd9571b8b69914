import { type Decimal, formatDecimal, parseDecimal, ZERO } from "../canonical/decimal.ts";
import { InputError } from "../canonical/input-error.ts";
import { AMOUNT_DECIMALS } from "../canonical/trade.ts";
import { inColumn } from "./fields.ts";

const AMOUNT_LIMIT = parseDecimal("1e40");

/**
 * The amount that a column's text writes.
 * @throws InputError where the text is no decimal, or one that the database does not take
 */
export function readAmount(column: string, text: string): Decimal {
  return checkAmount(column, inColumn(column, parseDecimal, text));
}

/**
 * Holds an amount to what the database takes: above 0, below 1e40, at most 30 decimals.
 * @throws InputError that names it
 */
export function checkAmount(name: string, amount: Decimal): Decimal {
  if (amount.lte(ZERO)) throw new InputError(`${name} is ${formatDecimal(amount)}, but has to be above 0`);
  if (amount.gte(AMOUNT_LIMIT)) throw new InputError(`${name} is 1e40 or more, which is more than can be stored`);
  const decimals = amount.decimalPlaces();
  if (decimals > AMOUNT_DECIMALS) {
    throw new InputError(`${name} has ${decimals} decimals, more than the ${AMOUNT_DECIMALS} that can be stored`);
  }
  return amount;
}
