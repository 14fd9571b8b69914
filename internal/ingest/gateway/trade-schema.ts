import { z } from "@hono/zod-openapi";
import type { TradeField } from "../../canonical/trade.ts";
import { ROW_STATUSES, ROWS_NAMED } from "./row-report.ts";

const amount = (description: string, example: string) =>
  z.union([z.string(), z.number()]).openapi({ description, example });
const text = (description: string, example: string) => z.string().openapi({ description, example });

const when = {
  ts: text("when, RFC 3339 with a zone", "2026-08-09T22:30:00.123456Z"),
  trade_id: z.union([z.string(), z.number()]).openapi({
    description: "the venue's id of the trade, unique for pair, time and source",
    example: "84713312",
  }),
};
const source = { source: text("the venue, one that the key may write", "kraken") };
const assets = {
  base_asset: text("the asset that is traded, in canonical form", "crypto:XLM"),
  quote_asset: text("the asset that it is paid with, in canonical form", "fiat:USD"),
};
const amounts = {
  base_amount: amount("in whole units; a text, or a number, of which every digit counts", "250.5"),
  quote_amount: amount("in whole units", "31.3125"),
};

/** The fields of a trade; others are ignored. */
export const TRADE_FIELDS = Object.keys({
  ...assets,
  ...when,
  ...source,
  ...amounts,
} satisfies Record<TradeField, z.ZodType>) as readonly TradeField[];

/** A trade as senders write it, for the documentation: rows are checked one by one, by `validateTrade`. */
export const tradeSchema = z
  .object(when)
  .and(z.union([z.object(source), z.object({ venue: text("the same as source", "kraken") })]))
  .and(
    z.union([
      z.object(assets),
      z.object({ base: text("as people write it", "XLM"), quote: text("as people write it", "USD") }),
      z.object({ pair: text("as people write it", "XLM/USD") }),
    ]),
  )
  .and(
    z.union([
      z.object(amounts),
      z.object({
        price: amount("of one whole unit of the base asset", "0.125"),
        size: amount("the amount of the base asset; the other amount is the exact product", "250.5"),
      }),
    ]),
  )
  .openapi("Trade");

export const tradesSchema = z.union([tradeSchema, z.array(tradeSchema)]);

const count = (description: string) => z.int().openapi({ description });

export const reportSchema = z
  .object({
    new: count("rows that are stored now"),
    known: count("rows that were stored before"),
    conflict: count("rows that are stored with other amounts; they are kept in quarantine"),
    rejected: count("rows that cannot be stored as they are"),
    journalled: count("rows that are on disk, and will be stored once the database takes them"),
    rows: z
      .array(
        z.object({
          row: z.int().openapi({ description: "its number in the body, from 1; in a stream, its line" }),
          status: z.enum(ROW_STATUSES),
          field: z.enum(TRADE_FIELDS as [TradeField, ...TradeField[]]).optional(),
          reason: z.string().optional(),
        }),
      )
      .openapi({
        description: `what became of each row; of a stream, only the first ${ROWS_NAMED} that are in conflict or rejected`,
      }),
  })
  .openapi("TradeReport");
