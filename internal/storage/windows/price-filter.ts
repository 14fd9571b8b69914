import { formatDecimal } from "../../canonical/decimal.ts";
import { outlierBand } from "../../policy/outliers/outliers.ts";
import type { PriceBand, PriceFilter } from "../../policy/reader.ts";
import type { Sql } from "../connection/pool.ts";
import { decisionOf } from "./outlier-search.ts";

/** A filter as numbers; null for an absent bound. */
interface Limits {
  /** Prices outside [low, high] do not pass. */
  readonly low: string | null;
  readonly high: string | null;
  /** Prices with (weight · price − sum)² > reach do not pass. */
  readonly weight: string | null;
  readonly sum: string | null;
  readonly reach: string | null;
  /** All prices inside pass: a cheap sufficient test. */
  readonly sure_low: string | null;
  readonly sure_high: string | null;
}

const COLUMNS = ["low", "high", "weight", "sum", "reach", "sure_low", "sure_high"] as const;

/** Arguments of `unnest` with the columns of filters; {@link limitNames} names them. */
export function unnestedLimits(sql: Sql, filters: readonly PriceFilter[]) {
  const limits = filters.map(limitsOf);
  const columns = COLUMNS.map((name) => sql`${limits.map((each) => each[name])}::text[]::numeric[]`);
  return columns.reduce((all, column) => sql`${all}, ${column}`);
}

export function limitNames(sql: Sql) {
  return COLUMNS.map((name) => sql`${sql(name)}`).reduce((all, name) => sql`${all}, ${name}`);
}

/**
 * A condition: the price of a row of `trades` passes the filter in the columns of `limits`. Exact, since it only
 * multiplies. It does not include {@link formsPrice}.
 */
export function passes(sql: Sql, limits: string) {
  const [low, high, reach] = [sql(`${limits}.low`), sql(`${limits}.high`), sql(`${limits}.reach`)];
  const distance = sql`(price * ${sql(`${limits}.weight`)} - ${sql(`${limits}.sum`)})`;
  return sql`
    (${low} IS NULL OR price >= ${low}) AND (${high} IS NULL OR price <= ${high})
    AND (${reach} IS NULL OR ${distance} * ${distance} <= ${reach})`;
}

/** A condition: all prices of a rollup pass. Sufficient, not necessary. */
export function allPass(sql: Sql, limits: string) {
  const [low, high] = [sql(`${limits}.sure_low`), sql(`${limits}.sure_high`)];
  return sql`(${low} IS NULL OR price_min >= ${low}) AND (${high} IS NULL OR price_max <= ${high})`;
}

/** A condition: a row of `trades` forms a price (see the glossary). */
export function formsPrice(sql: Sql) {
  return sql`forms_price(source, base_asset, quote_asset, base_amount, quote_amount)`;
}

function limitsOf({ rule, band }: PriceFilter): Limits {
  const inner = rule && outlierBand(rule);
  const sure = inner !== null && band !== null ? intersection(inner, band) : (inner ?? band);
  // By MAD the rule's band is exact; by sigma it is slightly narrower than the rule.
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
