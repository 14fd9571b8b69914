import { expandPair } from "../../aggregate/expansion.ts";
import { countOf, type TradeReader } from "../../aggregate/reader.ts";
import type { Bucket } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { RawDataExpired } from "../../storage/errors.ts";
import type { Ended } from "../../storage/read-only.ts";
import { withSnapshot } from "../../storage/snapshot.ts";
import type { BoundedDatabase } from "../load.ts";
import type { Service } from "./service.ts";

/** As many are read in a few tenths of a second; the rollups tell in a few milliseconds how many there are. */
const MOST_LIGHT_TRADES = 50_000;

/** What an answer is made from, and who asks. */
export interface Reading {
  /** Every stored pair whose trades are read. */
  readonly pairs: (reader: TradeReader) => Promise<readonly Pair[]>;
  readonly bucket: Bucket;
  readonly client: string;
}

/** Every stored pair that may count as trades of a pair, by what is known of its assets' contracts. */
export function storedPairs({ policyOf }: Pick<Service, "policyOf">, pair: Pair): Reading["pairs"] {
  return async (reader) => expandPair(pair, await policyOf(reader, pair));
}

class TooHeavy extends Error {}

/**
 * Reads on one snapshot, as `withSnapshot`, after looking how much that would be: where it is much, the place among the
 * many light questions is given up for one among the few heavy ones.
 */
export async function withWeighedSnapshot<T>(
  { laneOf }: BoundedDatabase,
  { pairs, bucket, client }: Reading,
  read: (reader: TradeReader) => Promise<T>,
  ended?: Ended,
): Promise<T> {
  try {
    return await withSnapshot(
      laneOf(client, false),
      async (reader) => {
        if (await isHeavy(reader, await pairs(reader), bucket)) throw new TooHeavy();
        return read(reader);
      },
      ended,
    );
  } catch (error) {
    if (!(error instanceof TooHeavy)) throw error;
    return withSnapshot(laneOf(client, true), read, ended);
  }
}

async function isHeavy(reader: TradeReader, pairs: readonly Pair[], bucket: Bucket): Promise<boolean> {
  try {
    return countOf(await reader.totals(pairs, bucket)) > MOST_LIGHT_TRADES;
  } catch (error) {
    // What retention has removed is not read either.
    if (error instanceof RawDataExpired) return false;
    throw error;
  }
}
