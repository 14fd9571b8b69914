import { z } from "@hono/zod-openapi";
import type { TradeField } from "../../canonical/trade.ts";
import { ROW_STATUSES, ROWS_NAMED } from "./row-report.ts";

const amount = z.union([z.string(), z.number()]);

const fields = {
  base_asset: z.string().openapi({ description: "the asset that is traded, in canonical form", example: "crypto:XLM" }),
  quote_asset: z.string().openapi({ description: "the asset that it is paid with", example: "fiat:USD" }),
  ts: z.string().openapi({ description: "when, RFC 3339 with a zone", example: "2026-08-09T22:30:00.123456Z" }),
  source: z.string().openapi({ description: "the venue, one that the key may write", example: "kraken" }),
  trade_id: z.union([z.string(), z.number()]).openapi({
    description: "the venue's id of the trade, unique for pair, time and source",
    example: "84713312",
  }),
  base_amount: amount.openapi({
    description: "in whole units; a text, or a number, of which every digit counts",
    example: "250.5",
  }),
  quote_amount: amount.openapi({ description: "in whole units", example: "31.3125" }),
} as const satisfies Record<TradeField, z.ZodType>;

/** The fields of a trade; others are ignored. */
export const TRADE_FIELDS = Object.keys(fields) as readonly TradeField[];

/** A trade as senders write it, for the documentation: rows are checked one by one, by `validateTrade`. */
export const tradeSchema = z.object(fields).openapi("Trade");

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
