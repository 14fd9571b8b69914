import type { EcbRate } from "../../canonical/ecb-rates.ts";
import { publicationTime } from "../../canonical/publication-time.ts";
import { earlierOf, type Micros } from "../../canonical/time.ts";
import type { HistoryWindow, TradePage, VenueGet } from "../connector.ts";
import { VenueRefused } from "../failures.ts";
import { pageOf } from "../history/page.ts";
import { fileUrl } from "./files.ts";
import { NO_RATE, newestOf, rateWords, readRates } from "./rates.ts";
import { nextPublication } from "./timetable.ts";

/** Rates that are stored at once. */
const PAGE = 1000;

/**
 * Reads a window from the file of the last ninety days or, where that does not reach back to it, from that of all days since 1999, before
 * which there are none.
 */
export async function* ecbHistory(get: VenueGet, window: HistoryWindow): AsyncIterable<TradePage> {
  const { feed, from, to } = window;
  const rates = await ratesSince(get, window);
  const own = rates.filter(({ quote }) => quote === feed.market);
  if (own.length === 0) throw new VenueRefused(`the bank has no rates of ${feed.market}`);
  const within = own
    .filter(({ date, rate }) => rate !== NO_RATE && publicationTime(date) >= from && publicationTime(date) < to)
    .sort((a, b) => (a.date < b.date ? -1 : 1));
  const end = earlierOf(to, nextPublication(newestOf(rates)));
  let reached = from;
  for (let start = 0; reached < end; start += PAGE) {
    const next = within[start + PAGE];
    const until = next === undefined ? end : publicationTime(next.date);
    const page = pageOf(feed, within.slice(start, start + PAGE), (rate) => rateWords(rate as EcbRate));
    yield { ...page, complete: { from: reached, to: until } };
    reached = until;
  }
  // What is later is known with the next rates only.
  if (end <= from) yield { trades: [], ignored: 0, unread: [], complete: null };
}

async function ratesSince(get: VenueGet, { endpoint, from }: HistoryWindow): Promise<readonly EcbRate[]> {
  const read = async (file: "ninety" | "all") => readRates(await get(fileUrl(endpoint.rest, file), XML));
  const newest = await read("ninety");
  return oldestTime(newest) <= from ? newest : read("all");
}

const XML = { accept: "application/xml" };

function oldestTime(rates: readonly EcbRate[]): Micros {
  return rates.map(({ date }) => publicationTime(date)).reduce(earlierOf);
}
