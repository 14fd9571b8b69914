import { publicationTime } from "../../canonical/publication-time.ts";
import { earlierOf, type Micros } from "../../canonical/time.ts";
import { decoded, tradeMessage } from "../decode.ts";
import type { CollectedFeed } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import { NO_RATE, newestOf, rateWords, readRates } from "./rates.ts";
import { nextPublication } from "./timetable.ts";

/** Understands the bank's daily file. Rates whose time has not come are left for the next question. */
export function decodeEcb(text: string, feeds: readonly CollectedFeed[], now: Micros): readonly VenueMessage[] {
  return decoded(() => {
    const rates = readRates(text);
    // No rates can have a time between those of the newest day and those of the next one.
    const time = earlierOf(now, nextPublication(newestOf(rates)));
    return feeds.flatMap(({ market }): readonly VenueMessage[] => {
      const own = rates.filter(({ quote }) => quote === market);
      if (own.length === 0) return [{ type: "refused", market, reason: `the bank publishes no rate of ${market}` }];
      const trades = own
        .filter(({ date, rate }) => rate !== NO_RATE && publicationTime(date) <= now)
        .flatMap(
          (rate) => tradeMessage(feeds, market, () => ({ ...rateWords(rate), number: null, cursor: null })) ?? [],
        );
      return [{ type: "subscribed", market }, ...trades, { type: "clock", market, time, lastNumber: null }];
    });
  });
}
