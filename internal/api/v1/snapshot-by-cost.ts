import type { Bucket } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { expandPair } from "../../policy/expansion.ts";
import { countOf, type TradeReader } from "../../policy/reader.ts";
import { RawDataExpired } from "../../storage/connection/errors.ts";
import type { Ended } from "../../storage/connection/read-only.ts";
import { withSnapshot } from "../../storage/windows/snapshot.ts";
import type { BoundedDatabase } from "../bounded-database.ts";
import type { Service } from "./service.ts";

/** Reading so many takes a few tenths of a second; counting them from rollups takes a few milliseconds. */
const MAX_LIGHT_TRADES = 50_000;

/** The trades that a query reads, and the client that sent it. */
export interface PlannedRead {
  /** Returns every stored pair whose trades are read. */
  readonly pairs: (reader: TradeReader) => Promise<readonly Pair[]>;
  readonly bucket: Bucket;
  readonly client: string;
}

/** Returns a function that expands a pair to the stored pairs whose trades count as its own, contracts included. */
export function expandedPairs({ policyOf }: Pick<Service, "policyOf">, pair: Pair): PlannedRead["pairs"] {
  return async (reader) => expandPair(pair, await policyOf(reader, pair));
}

class HeavyRead extends Error {}

/**
 * Runs `read` on one snapshot, as `withSnapshot`, in the lane that fits its cost: first counts the trades in the light
 * lane, and where there are many, reads in the heavy lane, which runs few queries at once.
 */
export async function withSnapshotByCost<T>(
  { laneOf }: BoundedDatabase,
  { pairs, bucket, client }: PlannedRead,
  read: (reader: TradeReader) => Promise<T>,
  ended?: Ended,
): Promise<T> {
  try {
    return await withSnapshot(
      laneOf(client, false),
      async (reader) => {
        if (await isHeavy(reader, await pairs(reader), bucket)) throw new HeavyRead();
        return read(reader);
      },
      ended,
    );
  } catch (error) {
    if (!(error instanceof HeavyRead)) throw error;
    return withSnapshot(laneOf(client, true), read, ended);
  }
}

async function isHeavy(reader: TradeReader, pairs: readonly Pair[], bucket: Bucket): Promise<boolean> {
  try {
    return countOf(await reader.totals(pairs, bucket)) > MAX_LIGHT_TRADES;
  } catch (error) {
    // Trades that retention has removed are not read either; the read itself reports them.
    if (error instanceof RawDataExpired) return false;
    throw error;
  }
}
