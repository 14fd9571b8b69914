import { hash } from "node:crypto";
import { formatDecimal } from "../canonical/decimal.ts";
import { formatTime } from "../canonical/time.ts";
import type { FileTrade } from "./file-kind.ts";

/** Length of the digests in bytes. */
export const DIGEST_BYTES = 8;

/** Digits of the highest place, 2^32 - 1; ids are padded to the same length so that they sort by place. */
const PLACE_DIGITS = 10;

/** How rows without a trade id get one. The id depends only on the file, so that an import can be repeated. */
export interface IdScheme {
  /** Returns the digest by which rows are grouped; each group is numbered from 1, in file order. */
  readonly numberedBy: (trade: FileTrade) => Buffer;
  readonly idOf: (trade: FileTrade, number: number) => string;
  /** Whether the scheme assumes that the file is in the order of the trades. */
  readonly goesByOrder: boolean;
}

/**
 * `hash` derives the id from the row's content, independent of its position, so that parts of a file give the same ids.
 * `place` prefixes the row's place among those with the same timestamp, so that these keep the order of the file.
 */
export const ID_SCHEMES = {
  hash: {
    numberedBy: rowDigest,
    idOf: (trade, number) => digestTradeId(rowDigest(trade), number),
    goesByOrder: false,
  },
  place: {
    numberedBy: instantDigest,
    idOf: (trade, number) => placeTradeId(number, rowDigest(trade)),
    goesByOrder: true,
  },
} as const satisfies Record<string, IdScheme>;

export type IdMode = keyof typeof ID_SCHEMES;

/**
 * Returns the digest of a trade without an id: the first 8 bytes of SHA-256 over the UTF-8 text of
 * `ts,source,base,quote,base amount,quote amount`, joined by commas without spaces, each in its canonical form: the time
 * as RFC 3339 in UTC with `Z`, the assets with their prefixes, the amounts in plain notation without trailing zeros. So
 * `1.50` and `1.5`, or price and size and the equal amounts, give the same digest.
 */
export function rowDigest(trade: FileTrade): Buffer {
  return digestOf([...instantOf(trade), formatDecimal(trade.baseAmount), formatDecimal(trade.quoteAmount)]);
}

/** Returns the digest of market, source and timestamp; trades that share these are ordered by their ids. */
function instantDigest(trade: FileTrade): Buffer {
  return digestOf(instantOf(trade));
}

function instantOf({ ts, source, base, quote }: FileTrade): string[] {
  return [formatTime(ts), source, base, quote];
}

function digestOf(values: readonly string[]): Buffer {
  return hash("sha256", values.join(","), "buffer").subarray(0, DIGEST_BYTES);
}

/** Returns the id of the `occurrence`-th row with this digest: 16 hex digits, from the second on with `-2`, `-3`… */
function digestTradeId(digest: Buffer, occurrence: number): string {
  const hex = digest.toString("hex");
  return occurrence === 1 ? hex : `${hex}-${occurrence}`;
}

/** Appends the digest, which distinguishes rows with the same place in other files. */
function placeTradeId(place: number, digest: Buffer): string {
  return `${String(place).padStart(PLACE_DIGITS, "0")}-${digest.toString("hex")}`;
}
