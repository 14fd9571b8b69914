import { outlierBand } from "../aggregate/outliers.ts";
import type { PriceBand, PriceFilter } from "../aggregate/reader.ts";
import { formatDecimal } from "../canonical/decimal.ts";
import type { Sql } from "./database.ts";
import { decisionOf } from "./outliers.ts";

/** The filters as columns for `unnest`, in the order of {@link LIMIT_COLUMNS}. A null lets every price pass. */
export function unnestedLimits(sql: Sql, filters: readonly PriceFilter[]) {
  const limits = filters.map(limitsOf);
  const column = (of: (each: Limits) => string | null) => sql`${limits.map(of)}::text[]::numeric[]`;
  return sql`
    ${column(({ low }) => low)}, ${column(({ high }) => high)}, ${column(({ weight }) => weight)},
    ${column(({ sum }) => sum)}, ${column(({ reach }) => reach)}`;
}

export function limitColumns(sql: Sql) {
  return sql`low, high, weight, sum, reach`;
}

/**
 * Whether a row of `trades` passes the filter whose columns `limits` holds, decided exactly, with products only. Those that
 * form no price pass as others do: see {@link formsPrice}.
 */
export function isWithinLimits(sql: Sql, trade: string, limits: string) {
  const price = sql(`${trade}.price`);
  const [low, high, reach] = [sql(`${limits}.low`), sql(`${limits}.high`), sql(`${limits}.reach`)];
  const distance = sql`(${price} * ${sql(`${limits}.weight`)} - ${sql(`${limits}.sum`)})`;
  return sql`
    (${low} IS NULL OR ${price} >= ${low}) AND (${high} IS NULL OR ${price} <= ${high})
    AND (${reach} IS NULL OR ${distance} * ${distance} <= ${reach})`;
}

/** Whether the amounts of a row of `trades` are large enough for its ratio to be a price. */
export function formsPrice(sql: Sql, trade: string) {
  const column = (name: string) => sql(`${trade}.${name}`);
  return sql`forms_price(
    ${column("source")}, ${column("base_asset")}, ${column("quote_asset")}, ${column("base_amount")},
    ${column("quote_amount")})`;
}

/** A filter as numbers: a band of prices, and what `(weight · price − sum)²` must not exceed. */
interface Limits {
  readonly low: string | null;
  readonly high: string | null;
  readonly weight: string | null;
  readonly sum: string | null;
  readonly reach: string | null;
}

function limitsOf({ rule, band }: PriceFilter): Limits {
  // By MAD the band of the rule itself decides; by sigma its band is only nearly the rule's.
  const own = rule?.method === "mad" ? outlierBand(rule) : null;
  const common = own !== null && band !== null ? intersection(own, band) : (own ?? band);
  return {
    low: common && formatDecimal(common.low),
    high: common && formatDecimal(common.high),
    ...(rule === null ? { weight: null, sum: null, reach: null } : decisionOf(rule)),
  };
}

function intersection(one: PriceBand, other: PriceBand): PriceBand {
  return {
    low: one.low.lessThan(other.low) ? other.low : one.low,
    high: one.high.greaterThan(other.high) ? other.high : one.high,
  };
}
