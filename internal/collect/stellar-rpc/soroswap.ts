import { decodeStrkey } from "../../canonical/strkey.ts";
import { writeText } from "./sc-val.ts";
import { amountOf, fieldsOf, type SwapProtocol, type Tokens } from "./swap.ts";

/**
 * Soroswap publishes one event of each swap: `("SoroswapPair", swap)` with what went into the pool and out of it of its tokens 0 and 1.
 * Which these are is not told: token 0 is the one whose contract comes first, bytewise.
 */
export const SOROSWAP: SwapProtocol = {
  name: "soroswap",
  topics: [[writeText("string", "SoroswapPair"), writeText("symbol", "swap")]],
  continues: () => false,
  isHolderOfTokens: true,
  amounts: ([{ value }], tokens) => {
    const fields = fieldsOf(value);
    // What was in the pool beyond its reserves counts as put in, of both tokens.
    const [zero, one] = (["0", "1"] as const).map((index) => {
      const [put, taken] = [`amount_${index}_in`, `amount_${index}_out`];
      return amountOf(fields.get(put), put) - amountOf(fields.get(taken), taken);
    }) as [bigint, bigint];
    // Of a swap one is put in and the other taken out; where both went the same way nothing was exchanged.
    const exchanged = zero > 0n !== one > 0n;
    const [first, second] = exchanged ? [abs(zero), abs(one)] : [0n, 0n];
    return isBaseFirst(tokens) ? { base: first, quote: second } : { base: second, quote: first };
  },
};

function isBaseFirst({ base, quote }: Tokens): boolean {
  const [a, b] = [decodeStrkey(base, "C"), decodeStrkey(quote, "C")];
  return a !== null && b !== null && Buffer.compare(a, b) < 0;
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}
