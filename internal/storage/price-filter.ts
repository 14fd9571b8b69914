import { outlierBand } from "../aggregate/outliers.ts";
import type { PriceBand, PriceFilter } from "../aggregate/reader.ts";
import { formatDecimal } from "../canonical/decimal.ts";
import type { Sql } from "./database.ts";
import { decisionOf } from "./outliers.ts";

/** A filter as numbers, null where it has no such bound. */
interface Limits {
  /** Prices outside do not pass. */
  readonly low: string | null;
  readonly high: string | null;
  /** Nor do prices with (weight · price − sum)² above `reach`. */
  readonly weight: string | null;
  readonly sum: string | null;
  readonly reach: string | null;
  /** Prices inside surely pass: for comparisons that are cheap. */
  readonly sure_low: string | null;
  readonly sure_high: string | null;
}

const COLUMNS = ["low", "high", "weight", "sum", "reach", "sure_low", "sure_high"] as const;

/** The columns of filters, for `unnest`; {@link limitNames} names them. */
export function unnestedLimits(sql: Sql, filters: readonly PriceFilter[]) {
  const limits = filters.map(limitsOf);
  const columns = COLUMNS.map((name) => sql`${limits.map((each) => each[name])}::text[]::numeric[]`);
  return columns.reduce((all, column) => sql`${all}, ${column}`);
}

export function limitNames(sql: Sql) {
  return COLUMNS.map((name) => sql`${sql(name)}`).reduce((all, name) => sql`${all}, ${name}`);
}

/**
 * Whether the price of a row of `trades` is one that passes the filter in the columns of `limits`, decided exactly, with
 * products only. Whether the row forms a price at all is another matter: see {@link formsPrice}.
 */
export function passes(sql: Sql, limits: string) {
  const [low, high, reach] = [sql(`${limits}.low`), sql(`${limits}.high`), sql(`${limits}.reach`)];
  const distance = sql`(price * ${sql(`${limits}.weight`)} - ${sql(`${limits}.sum`)})`;
  return sql`
    (${low} IS NULL OR price >= ${low}) AND (${high} IS NULL OR price <= ${high})
    AND (${reach} IS NULL OR ${distance} * ${distance} <= ${reach})`;
}

/** Whether all prices of a rollup surely pass. */
export function allPass(sql: Sql, limits: string) {
  const [low, high] = [sql(`${limits}.sure_low`), sql(`${limits}.sure_high`)];
  return sql`(${low} IS NULL OR price_min >= ${low}) AND (${high} IS NULL OR price_max <= ${high})`;
}

/** Whether the amounts of a row of `trades` are large enough for its ratio to be a price. */
export function formsPrice(sql: Sql) {
  return sql`forms_price(source, base_asset, quote_asset, base_amount, quote_amount)`;
}

function limitsOf({ rule, band }: PriceFilter): Limits {
  const inner = rule && outlierBand(rule);
  const sure = inner !== null && band !== null ? intersection(inner, band) : (inner ?? band);
  // By MAD the band of the rule decides; by sigma it is a little narrower than the rule.
  const exact = rule?.method === "mad" ? sure : band;
  return {
    low: exact && formatDecimal(exact.low),
    high: exact && formatDecimal(exact.high),
    ...(rule === null ? { weight: null, sum: null, reach: null } : decisionOf(rule)),
    sure_low: sure && formatDecimal(sure.low),
    sure_high: sure && formatDecimal(sure.high),
  };
}

function intersection(one: PriceBand, other: PriceBand): PriceBand {
  return {
    low: one.low.lessThan(other.low) ? other.low : one.low,
    high: one.high.greaterThan(other.high) ? other.high : one.high,
  };
}
