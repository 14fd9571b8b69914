import { parseDecimal } from "../canonical/decimal.ts";
import { checkPrice, NoQuote, type ReferenceQuote, readSeconds } from "./reference.ts";

/** Function selector of `latestRoundData()`. */
export const LATEST_ROUND_DATA = "0xfeaf968c";
/** Function selector of `decimals()`. */
export const DECIMALS = "0x313ce567";

const UINT80_END = 1n << 80n;
const MAX_DECIMALS = 36n;

/**
 * Decodes the result of `latestRoundData()`: (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt,
 * uint80 answeredInRound).
 * @throws NoQuote where it is not a complete round with a valid price
 */
export function readRound(result: unknown, decimals: number): ReferenceQuote {
  const [roundId = 0n, answer = 0n, , updatedAt = 0n, answeredInRound = 0n] = readWords(result, 5);
  if (roundId >= UINT80_END || answeredInRound >= UINT80_END) {
    throw new NoQuote("unreadable", "a round's number is too long");
  }
  if (answeredInRound < roundId) throw new NoQuote("unreadable", "the price is carried over from an earlier round");
  const price = parseDecimal(`${BigInt.asIntN(256, answer)}e-${decimals}`);
  return { price: checkPrice(price), asOf: readSeconds(updatedAt) };
}

/**
 * Decodes the result of `decimals()`.
 * @throws NoQuote where it is not a number up to 36
 */
export function readDecimals(result: unknown): number {
  const [decimals = 0n] = readWords(result, 1);
  if (decimals > MAX_DECIMALS) throw new NoQuote("unreadable", `the feed's decimals are more than ${MAX_DECIMALS}`);
  return Number(decimals);
}

function readWords(result: unknown, count: number): bigint[] {
  if (typeof result !== "string" || result.length !== 2 + 64 * count || !/^0x[0-9a-fA-F]*$/.test(result)) {
    throw new NoQuote("unreadable", `the contract does not return ${count} words, as a feed does`);
  }
  return Array.from({ length: count }, (_, index) => BigInt(`0x${result.slice(2 + 64 * index, 66 + 64 * index)}`));
}
