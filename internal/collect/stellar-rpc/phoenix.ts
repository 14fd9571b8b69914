import { InvalidMessage, member } from "../wire.ts";
import type { ContractEvent } from "./event.ts";
import { type ScVal, writeText } from "./sc-val.ts";
import { amountOf, fieldsOf, oriented, type SwapProtocol, tokenOf } from "./swap.ts";

const SWAP = writeText("string", "swap");
const FIRST_FIELD = writeText("string", "sender");

/**
 * Phoenix publishes six to eight events of each swap, `("swap", field)` with the field's value, the first of which is `sender`; newer
 * pools publish one, `(swap)` with all fields.
 */
export const PHOENIX: SwapProtocol = {
  name: "phoenix",
  topics: [[SWAP, "*"], [writeText("symbol", "swap")]],
  continues: (entry) => {
    const topic = member(entry, "topic");
    return Array.isArray(topic) && topic[0] === SWAP && topic[1] !== FIRST_FIELD;
  },
  isHolderOfTokens: false,
  amounts: (events, tokens) => {
    const fields = swapFields(events);
    const [sold, bought] = (["sell", "buy"] as const).map((side) => {
      const [token, amount] = [`${side}_token`, side === "sell" ? "offer_amount" : "return_amount"];
      return { token: tokenOf(fields.get(token), token), amount: amountOf(fields.get(amount), amount) };
    }) as [{ token: string; amount: bigint }, { token: string; amount: bigint }];
    const amounts = oriented(tokens, sold, bought);
    if (amounts === null) throw new InvalidMessage(`is a swap of ${sold.token} for ${bought.token}, not of the pair`);
    return amounts;
  },
};

function swapFields(events: readonly [ContractEvent, ...ContractEvent[]]): ReadonlyMap<string, ScVal> {
  const [first] = events;
  if (first.topics.length === 1) return fieldsOf(first.value);
  return new Map(
    events.map(({ topics, value }) => [topics[1]?.type === "text" ? topics[1].value : "", value] as const),
  );
}
