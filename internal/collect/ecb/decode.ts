import { type EcbRate, parseEcbRates } from "../../canonical/ecb-rates.ts";
import { InputError } from "../../canonical/input-error.ts";
import { publicationTime } from "../../canonical/publication-time.ts";
import { earlierOf, type Micros } from "../../canonical/time.ts";
import { decoded, tradeMessage } from "../decode.ts";
import type { CollectedFeed } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import type { TradeWords } from "../trade.ts";
import { InvalidMessage } from "../wire.ts";
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

/** What the bank writes where it has no rate of a currency on a day. */
export const NO_RATE = "N/A";

/** @throws InvalidMessage where a text is none of the bank's files, or has a date that is none */
export function readRates(text: string): readonly EcbRate[] {
  try {
    const rates = parseEcbRates(text);
    for (const { date } of rates) publicationTime(date);
    return rates;
  } catch (error) {
    throw error instanceof InputError ? new InvalidMessage(`the file ${error.message}`) : error;
  }
}

export function newestOf(rates: readonly EcbRate[]): string {
  return rates.reduce((newest, { date }) => (date > newest ? date : newest), "");
}

/** A rate as a trade of one euro, with its date as id: as `import-fx` and `fx.import` store it. */
export function rateWords({ date, rate }: EcbRate): TradeWords {
  return { id: date, ts: publicationTime(date), size: "1", price: rate };
}
