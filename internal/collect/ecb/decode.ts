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
    const newest = newestOf(rates);
    const answers = feeds.map(({ market }): VenueMessage => {
      if (rates.some(({ quote }) => quote === market)) return { type: "subscribed", market };
      return { type: "refused", market, reason: `the bank publishes no rate of ${market}` };
    });
    const trades = rates
      .filter(({ date, rate }) => rate !== NO_RATE && publicationTime(date) <= now)
      .flatMap(
        (rate) => tradeMessage(feeds, rate.quote, () => ({ ...rateWords(rate), number: null, cursor: null })) ?? [],
      );
    // No rates can have a time between those of the newest day and those of the next one.
    const time = earlierOf(now, nextPublication(newest));
    return [...answers, ...trades, { type: "clock", market: null, time, lastNumber: null }];
  });
}
