import { z } from "zod";
import { jsonWriter } from "./json-writer.ts";
import { publishedFields } from "./published.ts";
import { decimalText, parseWith } from "./stored-text.ts";

/**
 * Why no value is published, in the order of the checks: no trade passes the filters (`empty`), fewer than
 * `min_sources` sources remain, the volume is below the floor or unknown, or the guard withholds the value.
 */
export const REFUSALS = ["empty", "too-few-sources", "below-floor", "unknown-usd-volume", "guarded"] as const;
export type Refusal = (typeof REFUSALS)[number];

const { pair, windowSeconds, time, price, policy } = publishedFields;

/** What a target has in place of a value over one bucket: why nothing is published, and what would have been. */
export const withheldSchema = z.object({
  pair,
  window_seconds: windowSeconds,
  from: time,
  to: time,
  reason: z.enum(REFUSALS),
  /** The pair, or its inverted market where only that has trades; the fields below are about it. */
  market: pair,
  price: price.nullable(),
  /** The price that the guard compared with; null where it did not come to that. */
  recent_price: price.nullable(),
  usd_volume: decimalText.nullable(),
  trade_count: z.int().nonnegative(),
  policy,
});

/** See {@link withheldSchema}. */
export type WithheldValue = Readonly<z.output<typeof withheldSchema>>;

/** Returns the JSON text: the same bytes for the same bucket, trades and policy. */
export const serializeWithheld: (value: WithheldValue) => string = jsonWriter(withheldSchema);

/** Parses a stored text. @throws PoisonedValueError that names each invalid field */
export function parseWithheld(text: string): WithheldValue {
  return parseWith(withheldSchema, text, "a withheld value");
}
