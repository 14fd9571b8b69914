import { InputError } from "../canonical/input-error.ts";
import type { CollectedFeed } from "./feed.ts";
import type { VenueMessage, VenueTrade } from "./message.ts";
import { type TradeWords, tradeOf } from "./trade.ts";

/** Decodes a message; what the reader cannot understand becomes an invalid message with the reason. */
export function decoded(read: () => readonly VenueMessage[], market: string | null = null): readonly VenueMessage[] {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return [{ type: "invalid", market, reason: error.message }];
  }
}

/**
 * Returns the message of a trade; of one with an amount of 0 that it is ignored, and of one that cannot be read that it is
 * invalid. Null where the market is not collected.
 */
export function tradeMessage(
  feeds: readonly CollectedFeed[],
  market: string,
  read: () => TradeWords & Pick<VenueTrade, "number" | "cursor">,
): VenueMessage | null {
  const feed = feeds.find((each) => each.market === market);
  if (feed === undefined) return null;
  const [message = null] = decoded(() => {
    const { number, cursor, ...words } = read();
    const trade = tradeOf(feed, words);
    return [
      trade === null
        ? { type: "ignored", market, ts: words.ts, number, cursor }
        : { type: "trade", market, trade, number, cursor },
    ];
  }, market);
  return message;
}
