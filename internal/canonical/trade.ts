import { type Asset, parseCanonicalAsset } from "./asset.ts";
import { type Decimal, parseDecimal } from "./decimal.ts";
import { InputError } from "./input-error.ts";
import { type Micros, parseTime } from "./time.ts";
import {
  amountProblem,
  marketProblem,
  type Problem,
  priceProblem,
  sourceProblem,
  type TradeProblemCode,
  timeProblem,
  tradeIdProblem,
} from "./trade-rules.ts";

/** A stored trade, in its market's own orientation, with amounts in whole units of the asset. */
export interface TradeRow {
  readonly base: Asset;
  readonly quote: Asset;
  readonly ts: Micros;
  readonly source: string;
  /** Unique per market, timestamp and source. */
  readonly tradeId: string;
  readonly baseAmount: Decimal;
  readonly quoteAmount: Decimal;
}

/** Venues on Stellar's ledger, whose amounts are multiples of 1e-7. */
const STELLAR_VENUES: ReadonlySet<string> = new Set(["aquarius", "comet", "phoenix", "sdex", "soroswap"]);
/** 1000 times the unit of precision, which is 1e-7 on Stellar and 1e-8 elsewhere. */
const STELLAR_THOUSAND = parseDecimal("0.0001");
const OTHER_THOUSAND = parseDecimal("0.00001");

/**
 * Returns whether the trade's amounts are large enough for their ratio to be a price: rounding both amounts by one unit
 * of the venue's precision moves the ratio by at most 0.1 %, that is, 1/base + 1/quote <= 1/(1000 units). The SQL
 * function `forms_price` implements the same rule.
 */
export function formsPrice(trade: Pick<TradeRow, "base" | "quote" | "source" | "baseAmount" | "quoteAmount">): boolean {
  const { base, quote, source, baseAmount, quoteAmount } = trade;
  const isOnLedger = STELLAR_VENUES.has(source) || !base.includes(":") || !quote.includes(":");
  const minimum = baseAmount.plus(quoteAmount).times(isOnLedger ? STELLAR_THOUSAND : OTHER_THOUSAND);
  return !baseAmount.times(quoteAmount).lessThan(minimum);
}

/** The fields of a trade as text, named like the columns of the table `trades`; see docs/decoders.md. */
export type TradeField = "base_asset" | "quote_asset" | "ts" | "source" | "trade_id" | "base_amount" | "quote_amount";

export type TradeTexts = { readonly [field in TradeField]?: string | undefined };

export interface TradeProblem extends Problem {
  readonly field: TradeField;
}

/**
 * Validates a trade: assets in canonical form, an RFC 3339 time, of which digits finer than a microsecond are cut, and
 * exact decimals. Returns the trade, or at least one problem and at most one for each field.
 */
export function validateTrade(
  texts: TradeTexts,
): { readonly trade: TradeRow } | { readonly problems: readonly TradeProblem[] } {
  const problems: TradeProblem[] = [];
  const refuse = (field: TradeField, problem: Problem): null => {
    problems.push({ field, ...problem });
    return null;
  };

  function read<T>(
    field: TradeField,
    parse: (text: string) => T,
    malformed: TradeProblemCode,
    problemOf: (value: T) => Problem | null = () => null,
  ): T | null {
    const text = texts[field];
    if (text === undefined || text === "") return refuse(field, { code: "missing", reason: "is missing or empty" });
    try {
      const value = parse(text);
      const problem = problemOf(value);
      return problem === null ? value : refuse(field, problem);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return refuse(field, { code: malformed, reason: error.message });
    }
  }

  const base = read("base_asset", parseCanonicalAsset, "asset_malformed");
  const quote = read("quote_asset", parseCanonicalAsset, "asset_malformed", (asset) => marketProblem(base, asset));
  const ts = read("ts", parseTime, "time_malformed", timeProblem);
  const source = read("source", String, "source_malformed", sourceProblem);
  const tradeId = read("trade_id", String, "trade_id_malformed", tradeIdProblem);
  const baseAmount = read("base_amount", parseDecimal, "amount_malformed", amountProblem);
  const quoteAmount = read(
    "quote_amount",
    parseDecimal,
    "amount_malformed",
    (amount) => amountProblem(amount) ?? (baseAmount && priceProblem(baseAmount, amount)),
  );
  const isComplete =
    base !== null &&
    quote !== null &&
    ts !== null &&
    source !== null &&
    tradeId !== null &&
    baseAmount !== null &&
    quoteAmount !== null;
  return isComplete ? { trade: { base, quote, ts, source, tradeId, baseAmount, quoteAmount } } : { problems };
}
