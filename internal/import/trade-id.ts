import { hash } from "node:crypto";
import { formatDecimal } from "../canonical/decimal.ts";
import { formatTime } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";

/** Bytes of {@link rowDigest}. */
export const DIGEST_BYTES = 8;

/**
 * What stands for a trade without an id: the first 8 bytes of SHA-256 over the UTF-8 text of
 * `ts,source,base,quote,base amount,quote amount`, joined by commas without spaces, each in its canonical form: the time
 * as RFC 3339 in UTC with `Z`, the assets with their prefixes, the amounts in plain notation without trailing zeros. So
 * `1.50` and `1.5`, or a price and size and the amounts they make, are one row.
 */
export function rowDigest(trade: Omit<TradeRow, "tradeId">): Buffer {
  const { ts, source, base, quote, baseAmount, quoteAmount } = trade;
  const row = [formatTime(ts), source, base, quote, formatDecimal(baseAmount), formatDecimal(quoteAmount)].join(",");
  return hash("sha256", row, "buffer").subarray(0, DIGEST_BYTES);
}

/** The id of the `occurrence`-th row with this digest in its file: 16 hex digits, from the second on with `-2`, `-3`… */
export function digestTradeId(digest: Buffer, occurrence: number): string {
  const hex = digest.toString("hex");
  return occurrence === 1 ? hex : `${hex}-${occurrence}`;
}
