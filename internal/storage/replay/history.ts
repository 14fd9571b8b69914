import type { TradeReader } from "../../aggregate/reader.ts";
import type { Bucket } from "../../canonical/bucket.ts";
import type { Database } from "../database.ts";
import { readOnly } from "../read-only.ts";
import { recentBlocksFrom } from "../recent-blocks.ts";
import { readerOf } from "../snapshot.ts";
import { heldBlocks } from "./held-blocks.ts";

/**
 * Runs `read` on one snapshot of the database, as `withSnapshot` does, with a reader for candles of the span: what the recent
 * prices at their beginnings are made of is read once.
 */
export function withHistory<T>(
  database: Database,
  span: Bucket,
  read: (reader: TradeReader) => Promise<T>,
): Promise<T> {
  return readOnly(database, async (sql, horizons, now) =>
    read({ ...readerOf(sql, horizons, now), recentBlocks: recentBlocksFrom(horizons, heldBlocks(sql, span)) }),
  );
}
