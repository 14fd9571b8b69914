import { hash } from "node:crypto";
import { formatDecimal } from "../canonical/decimal.ts";
import { formatTime } from "../canonical/time.ts";
import type { FileTrade } from "./file-kind.ts";

/** Bytes of every digest here. */
export const DIGEST_BYTES = 8;

/** Digits of the largest place that is counted, 2^32 - 1: ids of one length sort by their place. */
const PLACE_DIGITS = 10;

/** How rows without a trade id get one. The id depends on the file alone, so that an import can be run again. */
export interface IdScheme {
  /** Rows of one digest are numbered together, from 1, in the order of the file. */
  readonly numberedBy: (trade: FileTrade) => Buffer;
  readonly idOf: (trade: FileTrade, number: number) => string;
  /** Whether the file's order is taken for the order in which the trades happened. */
  readonly goesByOrder: boolean;
}

/**
 * `hash` names a row by what it says, wherever it stands: parts of a file give the ids of the whole. `place` puts the row's
 * place among those of its instant before that, so that trades of one instant keep the order of the file.
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
 * What stands for a trade without an id: the first 8 bytes of SHA-256 over the UTF-8 text of
 * `ts,source,base,quote,base amount,quote amount`, joined by commas without spaces, each in its canonical form: the time
 * as RFC 3339 in UTC with `Z`, the assets with their prefixes, the amounts in plain notation without trailing zeros. So
 * `1.50` and `1.5`, or a price and size and the amounts they make, are one row.
 */
export function rowDigest(trade: FileTrade): Buffer {
  return digestOf([...instantOf(trade), formatDecimal(trade.baseAmount), formatDecimal(trade.quoteAmount)]);
}

/** Stands for the trades of one market, source and instant, whose order their ids decide. */
function instantDigest(trade: FileTrade): Buffer {
  return digestOf(instantOf(trade));
}

function instantOf({ ts, source, base, quote }: FileTrade): string[] {
  return [formatTime(ts), source, base, quote];
}

function digestOf(values: readonly string[]): Buffer {
  return hash("sha256", values.join(","), "buffer").subarray(0, DIGEST_BYTES);
}

/** The id of the `occurrence`-th row with this digest in its file: 16 hex digits, from the second on with `-2`, `-3`… */
function digestTradeId(digest: Buffer, occurrence: number): string {
  const hex = digest.toString("hex");
  return occurrence === 1 ? hex : `${hex}-${occurrence}`;
}

/** The digest keeps rows apart that other files have in the same place. */
function placeTradeId(place: number, digest: Buffer): string {
  return `${String(place).padStart(PLACE_DIGITS, "0")}-${digest.toString("hex")}`;
}
