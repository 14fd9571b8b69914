import { parseDecimal } from "../canonical/decimal.ts";
import { MICROS_PER_SECOND, type Micros } from "../canonical/time.ts";

/** A price that a test's reference returns, and its timestamp. */
export interface GivenQuote {
  readonly price: string;
  readonly at: Micros;
}

/** Returns CoinGecko's response body for coins by id, all in USD. */
export function coingeckoBody(coins: Readonly<Record<string, GivenQuote>>): string {
  const entries = Object.entries(coins).map(
    ([id, { price, at }]) => `${JSON.stringify(id)}:{"usd":${price},"last_updated_at":${at / MICROS_PER_SECOND}}`,
  );
  return `{${entries.join(",")}}`;
}

/** Returns a node's response body to a batch, for feeds of 8 decimals by address. */
export function chainlinkBody(batch: string, feeds: Readonly<Record<string, GivenQuote>>): string {
  const calls = JSON.parse(batch) as { id: number; params: [{ to: string; data: string }] }[];
  const entries = calls.map(({ id, params: [{ to, data }] }) => {
    const quote = feeds[to];
    if (quote === undefined) return { jsonrpc: "2.0", id, result: "0x" };
    const answer = BigInt(parseDecimal(quote.price).times(1e8).toFixed(0));
    const round = words(7n, answer, 1n, quote.at / MICROS_PER_SECOND, 7n);
    return { jsonrpc: "2.0", id, result: data === "0x313ce567" ? words(8n) : round };
  });
  return JSON.stringify(entries);
}

function words(...values: readonly bigint[]): string {
  return `0x${values.map((value) => value.toString(16).padStart(64, "0")).join("")}`;
}
