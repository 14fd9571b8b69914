import { formatTime, MICROS_PER_SECOND } from "../../canonical/time.ts";
import type { HistoryWindow, TradePage, VenueGet } from "../connector.ts";
import { decoded, tradeMessage } from "../decode.ts";
import { HistoryGone } from "../failures.ts";
import type { CollectedFeed } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import { member, numberText, readJson, requireObject, wholeField } from "../wire.ts";
import { partsOf } from "./markets.ts";

/**
 * Understands an answer of `simple/price`: a quote is stored as a trade of one coin, at the time and with the id of its
 * `last_updated_at`, so that one that is told twice is stored once.
 */
export function decodeCoingecko(text: string, feeds: readonly CollectedFeed[]): readonly VenueMessage[] {
  return decoded(() => {
    const answer = requireObject(readJson(text), "the answer");
    return feeds.flatMap((feed) => quoteOf(answer, feed));
  });
}

function quoteOf(answer: unknown, feed: CollectedFeed): readonly VenueMessage[] {
  const { market } = feed;
  return decoded(() => {
    const { id, currency } = partsOf(feed);
    const coin = member(answer, id);
    const price = coin === undefined ? undefined : requireObject(coin, id)[currency];
    // Unknown ids and currencies are left out; a coin that is no longer traded has null.
    if (price === undefined || price === null) {
      return [{ type: "refused", market, reason: `CoinGecko has no price of ${id} in ${currency}` }];
    }
    const quote = tradeMessage([feed], market, () => {
      const updated = wholeField(coin, "last_updated_at");
      const words = {
        id: String(updated),
        ts: updated * MICROS_PER_SECOND,
        size: "1",
        price: numberText(price, currency),
      };
      return { ...words, number: null, cursor: null };
    });
    return [{ type: "subscribed", market }, ...(quote === null ? [] : [quote])];
  }, market);
}

/** Quotes of the past are others than those that were shown: they are averages over five minutes or more. */
export function coingeckoHistory(_get: VenueGet, { from, to }: HistoryWindow): AsyncIterable<TradePage> {
  throw new HistoryGone(
    `CoinGecko is not asked for quotes of the past, here from ${formatTime(from)} to ${formatTime(to)}`,
  );
}
