import { InvalidMessage } from "../wire.ts";
import { writeText } from "./sc-val.ts";
import { amountOf, oriented, type SwapProtocol, tokenOf } from "./swap.ts";

/**
 * Aquarius publishes one event of each swap, in each type of pool: `(trade, token sold, token bought, trader)` with the amounts
 * sold and bought, and the fee, which is part of what was sold. Pools may have more than two tokens.
 */
export const AQUARIUS: SwapProtocol = {
  name: "aquarius",
  topics: [[writeText("symbol", "trade"), "*", "*", "*"]],
  continues: () => false,
  isHolderOfTokens: true,
  amounts: ([{ topics, value }], tokens) => {
    if (value.type !== "list") throw new InvalidMessage(`value is of type ${value.type}, not a list`);
    const [sold, bought] = value.value;
    return oriented(
      tokens,
      { token: tokenOf(topics[1], "the token sold"), amount: amountOf(sold, "the amount sold") },
      { token: tokenOf(topics[2], "the token bought"), amount: amountOf(bought, "the amount bought") },
    );
  },
};
