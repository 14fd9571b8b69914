import type { Asset } from "./asset.ts";
import { type Decimal, formatDecimal, parseDecimal, ZERO } from "./decimal.ts";
import { quoted } from "./input-error.ts";
import { formatTime, type Micros, parseTime, seconds } from "./time.ts";

// What each field of a trade has to be. The constraints of the table `trades` (migrations/) say the same of stored rows;
// internal/storage/trades/validation.test.ts compares both, and lists where these rules are stricter.

/** Maximum number of decimals of an amount. */
export const AMOUNT_DECIMALS = 30;

/** The pattern of source names. */
export const SOURCE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Tolerated difference between the clocks of a venue and this machine. */
const CLOCK_TOLERANCE: Micros = seconds(60);

/** Stands for every source where names of sources are listed. */
export const ANY_SOURCE = "*";

/** The kinds of problems; the codes are stable, so that programs can tell them apart. */
export type TradeProblemCode =
  | "missing"
  | "time_malformed"
  | "time_out_of_range"
  | "source_malformed"
  | "asset_malformed"
  | "assets_equal"
  | "amount_malformed"
  | "amount_not_positive"
  | "amount_too_large"
  | "amount_too_precise"
  | "price_too_small"
  | "trade_id_too_long"
  | "trade_id_malformed";

/** Why a value is refused. `reason` says what is wrong and what is right; it follows the name of the field. */
export interface Problem {
  readonly code: TradeProblemCode;
  readonly reason: string;
}

const YEAR_1 = parseTime("0001-01-01T00:00:00Z");
const LAST_MOMENT = parseTime("9999-12-31T23:59:59.999999Z");
const AMOUNT_LIMIT = parseDecimal("1e40");
/** The reciprocal of the least price that is not stored as 0. */
const PRICE_UNITS = parseDecimal("1e30");
const MAX_TRADE_ID_LENGTH = 256;
// Surrogates and U+FFFD come from invalid text and could make different ids equal.
const NOT_IN_TRADE_ID = /[\p{Cc}\p{Cs}\uFFFD]/u;

export function timeProblem(ts: Micros): Problem | null {
  if (ts >= YEAR_1 && ts <= LAST_MOMENT) return null;
  return { code: "time_out_of_range", reason: "is outside the years 1 to 9999 in UTC" };
}

export function sourceProblem(source: string): Problem | null {
  if (SOURCE_NAME.test(source)) return null;
  const lower = source.toLowerCase();
  const reason = SOURCE_NAME.test(lower)
    ? `${quoted(source)} has upper-case letters; names of sources have none: write ${lower}`
    : `${quoted(source)} is not 1 to 64 of a-z, 0-9, dot, dash and underscore, with a letter or digit first`;
  return { code: "source_malformed", reason };
}

/** Checks only that an amount or a price is above 0. */
export function signProblem(amount: Decimal): Problem | null {
  if (!amount.lte(ZERO)) return null;
  return { code: "amount_not_positive", reason: `is ${formatDecimal(amount)}, but has to be above 0` };
}

export function amountProblem(amount: Decimal): Problem | null {
  const notPositive = signProblem(amount);
  if (notPositive !== null) return notPositive;
  if (amount.gte(AMOUNT_LIMIT)) {
    return { code: "amount_too_large", reason: "is 1e40 or more, but has to be below 1e40, in whole units" };
  }
  const decimals = amount.decimalPlaces();
  if (decimals <= AMOUNT_DECIMALS) return null;
  return {
    code: "amount_too_precise",
    reason: `has ${decimals} decimals, more than the ${AMOUNT_DECIMALS} that can be stored`,
  };
}

/** Checks that the price, which is stored with 30 decimals, is not 0 there; the problem is that of the quote amount. */
export function priceProblem(baseAmount: Decimal, quoteAmount: Decimal): Problem | null {
  if (!quoteAmount.times(PRICE_UNITS).lt(baseAmount)) return null;
  return {
    code: "price_too_small",
    reason: "is too small for the base amount: the price is below 1e-30, and would be 0; check the units of both",
  };
}

/** Checks that a market has two assets; the problem is that of the quote asset. */
export function marketProblem(base: Asset | null, quote: Asset): Problem | null {
  return base === quote ? { code: "assets_equal", reason: `is ${quote}, like the base asset; a market has two` } : null;
}

export function tradeIdProblem(tradeId: string): Problem | null {
  if (tradeId.length > MAX_TRADE_ID_LENGTH && [...tradeId].length > MAX_TRADE_ID_LENGTH) {
    return { code: "trade_id_too_long", reason: `${quoted(tradeId)} is longer than ${MAX_TRADE_ID_LENGTH} characters` };
  }
  if (!NOT_IN_TRADE_ID.test(tradeId)) return null;
  return { code: "trade_id_malformed", reason: `${quoted(tradeId)} has control characters or is not UTF-8` };
}

/** Tells whether a time lies beyond this machine's clock by more than clocks differ. */
export function isInFuture(ts: Micros, clock: Micros): boolean {
  return ts > clock + CLOCK_TOLERANCE;
}

/**
 * Returns why a trade of the future is refused; null for others. It cannot be real, and would count once that time
 * comes.
 */
export function futureProblem(ts: Micros, clock: Micros): string | null {
  if (!isInFuture(ts, clock)) return null;
  return `${formatTime(ts)} is in the future: this machine's clock says ${formatTime(clock)}; times are UTC unless they name a zone`;
}
