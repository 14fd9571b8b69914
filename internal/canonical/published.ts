import { z } from "zod";
import type { Bucket } from "./bucket.ts";
import { jsonWriter } from "./json-writer.ts";
import { formatPair, type Pair } from "./pair.ts";
import { decimalText, pairText, parseWith, timeText } from "./stored-text.ts";
import { formatTime, MICROS_PER_SECOND, parseTime, seconds } from "./time.ts";

// The published value is declared once. Its type, parser, JSON text and columns here, and its component in the OpenAPI
// document (internal/api/documented.ts), all come of the declaration: fields in the order of the text, what each may
// hold, and descriptions for readers.

const TIME = { format: "date-time", example: "2026-08-09T22:30:00Z" };

const pair = pairText.meta({
  description: "the pair in canonical form; as configured, if it is",
  example: "crypto:XLM/fiat:USD",
});
const windowSeconds = z.int().positive();
const time = timeText.meta(TIME);
const price = decimalText
  .refine((text) => text !== "0", "is zero")
  .meta({ description: "at most 18 significant digits", example: "0.38125" });
const volume = decimalText.meta({ description: "exact, in whole units", example: "120.5" });
const usdVolume = decimalText.nullable();
const count = z.int().nonnegative();
const policy = z
  .string()
  .regex(/^[0-9a-f]{12}$/, "is not 12 hex digits")
  .meta({ description: "hash of the policy: every setting that can change the value", example: "9f2c1ab04d7e" });

/** Fields that other answers of the API have, too. */
export const publishedFields = { pair, windowSeconds, time, price, volume, policy };

const source = z.object({
  source: z.string().min(1).meta({ description: "the source of the trades; see /v1/sources" }),
  trade_count: count,
  base_volume: volume,
  quote_volume: volume,
  share: z
    .string()
    .regex(/^(?:1|0(?:\.\d{0,5}[1-9])?)$/, "is not a share from 0 to 1 with at most 6 decimals")
    .meta({ description: "share of the quote volume, 6 decimals", example: "0.788498" }),
});

// `venue` and `peg` are present only where their rule left out a venue or an asset.
const dropped = z
  .object({ class: count, outlier: count, venue: count.optional(), peg: count.optional() })
  .meta({ description: "dropped trades, by the filter that dropped them" });

const legFields = {
  pair,
  price,
  inverted: z.boolean().meta({
    description: "the leg is read from the inverted market, and `price` is the reciprocal of its price",
  }),
};
const leg = z.discriminatedUnion("method", [
  z.object({
    ...legFields,
    method: z.literal("vwap").meta({ description: "the market's VWAP of the same bucket" }),
    usd_volume: usdVolume.meta({ description: "volume of the market" }),
    trade_count: count.meta({ description: "trades of the market" }),
  }),
  z.object({
    ...legFields,
    method: z.literal("fx").meta({ description: "an exchange rate" }),
    source: z.string().min(1).meta({ description: "source of the exchange rate" }),
    as_of: z.string().meta({ ...TIME, description: "time of the exchange rate" }),
  }),
]);

/**
 * The published price of one target over one bucket. Decimals are strings in plain notation, volumes in whole units of
 * their asset, times RFC 3339 with `Z`. Keys that a later version adds are ignored, so that this version can still read
 * its values.
 */
export const publishedSchema = z
  .object({
    pair,
    window_seconds: windowSeconds.meta({ description: "length of the bucket" }),
    from: time.meta({ description: "start of the bucket" }),
    to: time.meta({ description: "end of the bucket (exclusive)" }),
    price,
    base_volume: volume,
    quote_volume: volume,
    usd_volume: usdVolume.meta({ description: "volume in US dollars; null without a rate to USD" }),
    trade_count: count.meta({ description: "trades after all filters" }),
    // Sorted by source.
    sources: z.array(source),
    dropped,
    policy,
    provenance: z.literal("triangulated").optional().meta({
      description:
        "present where the price was computed through other markets; volumes, count and sources are then empty",
    }),
    // Present with `provenance`. A single leg is the inverted market. The price of a leg is rounded; the target's price
    // is the product of the unrounded ones.
    legs: z.array(leg).optional().meta({ description: "the markets of a triangulated price, from base to quote" }),
  })
  .refine(spansItsWindow, { path: ["from"], message: "is not window_seconds before to" });

export type PublishedValue = Immutable<z.output<typeof publishedSchema>>;
/** The contribution of one source to a published value. */
export type PublishedSource = PublishedValue["sources"][number];
/** Number of trades left out, by filter. */
export type DroppedTrades = PublishedValue["dropped"];
/** A leg of a triangulated price. */
export type PublishedLeg = Immutable<z.output<typeof leg>>;

type Immutable<T> = T extends object ? { readonly [key in keyof T]: Immutable<T[key]> } : T;

/** Returns the fields that identify a value's market and bucket. */
export function publishedBucket(
  pair: Pair,
  { from, to }: Bucket,
): Pick<PublishedValue, "pair" | "window_seconds" | "from" | "to"> {
  return {
    pair: formatPair(pair),
    window_seconds: Number((to - from) / MICROS_PER_SECOND),
    from: formatTime(from),
    to: formatTime(to),
  };
}

/**
 * Returns the published form of a value, one line of JSON with a fixed key order: the same bytes for the same value.
 * Figures are not reformatted.
 */
export const serializePublished: (value: PublishedValue) => string = jsonWriter(publishedSchema);

/**
 * Parses a published value. The result omits unknown keys.
 * @throws PoisonedValueError that names each invalid field
 */
export function parsePublished(text: string): PublishedValue {
  return parseWith(publishedSchema, text, "a published value");
}

/** A column of a table of values. */
export interface PublishedColumn {
  readonly name: string;
  readonly read: (value: PublishedValue) => string | number | null | undefined;
}

/** The columns of a table of values: every field but lists; those of `dropped` are `dropped_class` and so on. */
export const publishedColumns: readonly PublishedColumn[] = columnsOf(publishedSchema, (value) => value);

type Fields = Readonly<Record<string, unknown>>;

function columnsOf(schema: z.ZodObject, within: (value: PublishedValue) => Fields): PublishedColumn[] {
  return Object.entries(schema.shape).flatMap(([key, field]): PublishedColumn[] => {
    if (field instanceof z.ZodObject) {
      const columns = columnsOf(field, (value) => within(value)[key] as Fields);
      return columns.map(({ name, read }) => ({ name: `${key}_${name}`, read }));
    }
    const type = field instanceof z.ZodOptional ? field.unwrap() : field;
    if (type instanceof z.ZodArray) return [];
    return [{ name: key, read: (value) => within(value)[key] as ReturnType<PublishedColumn["read"]> }];
  });
}

function spansItsWindow(value: { from: string; to: string; window_seconds: number }): boolean {
  return parseTime(value.to) - parseTime(value.from) === seconds(value.window_seconds);
}
