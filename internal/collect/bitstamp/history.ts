import { earlierOf, formatTime, laterOf, type Micros, seconds } from "../../canonical/time.ts";
import type { HistoryWindow, TradePage, VenueGet } from "../connector.ts";
import { HistoryGone, VenueRefused, VenueThrottled } from "../failures.ts";
import type { Endpoint } from "../feed.ts";
import { pageOf } from "../history/page.ts";
import { InvalidMessage, numberField, readJson, secondsTime, wholeField } from "../wire.ts";

/** A market in which there are always trades: the oldest of its list tells how far back lists reach. */
const BUSIEST = "btcusd";
/** The codes of HTTP API v2 for too many requests, which come with status 400. */
const THROTTLING = /\b400\.(?:002|067|068)\b/;

/**
 * Reads a window from the list of the last hour or, where that does not reach back to it, of the last day. A list says
 * nowhere from when on it is complete: it is, from its oldest trade on, or from the oldest of the busiest market's list that was asked for
 * later.
 * @throws HistoryGone where the window begins before the last day; what the list has of it is returned before
 */
export async function* bitstampHistory(
  get: VenueGet,
  { feed, endpoint, from, to }: HistoryWindow,
): AsyncIterable<TradePage> {
  let entries = await readList(get, endpoint, feed.market, "hour");
  let reach = reachOf(entries);
  if (!isBefore(reach, from)) {
    entries = await readList(get, endpoint, feed.market, "day");
    reach = reachOf(entries);
  }
  if (!isBefore(reach, from) && feed.market !== BUSIEST) {
    const other = reachOf(await readList(get, endpoint, BUSIEST, "day"));
    reach = reach === null || other === null ? (reach ?? other) : earlierOf(reach, other);
  }
  const page = pageOf(feed, entries, (entry) => ({
    ...{ id: String(wholeField(entry, "tid")), ts: timeOf(entry) },
    ...{ price: numberField(entry, "price"), size: numberField(entry, "amount") },
  }));
  const begin = reach === null ? to : laterOf(from, reach);
  yield { ...page, complete: begin < to ? { from: begin, to } : null };
  if (begin === from) return;
  const since = reach === null ? "has no trades" : `begins at ${formatTime(reach)}`;
  throw new HistoryGone(
    `Bitstamp lists the last day only, and that ${since}; what happened from ${formatTime(from)} until then has to be imported from elsewhere`,
  );
}

/** Returns from when on a list is complete: its times are cut to seconds. Null for a list without trades. */
function reachOf(entries: readonly unknown[]): Micros | null {
  return entries.length === 0 ? null : entries.map(timeOf).reduce(earlierOf) + seconds(1);
}

function isBefore(reach: Micros | null, from: Micros): boolean {
  return reach !== null && reach <= from;
}

function timeOf(entry: unknown): Micros {
  return secondsTime(numberField(entry, "date"), "date");
}

async function readList(
  get: VenueGet,
  { rest }: Endpoint,
  market: string,
  time: "hour" | "day",
): Promise<readonly unknown[]> {
  const url = new URL(`/api/v2/transactions/${encodeURIComponent(market)}/`, rest);
  url.searchParams.set("time", time);
  const list = readJson(await get(url).catch(rethrow));
  if (!Array.isArray(list)) throw new InvalidMessage("the answer is not a list");
  return list;
}

function rethrow(error: unknown): never {
  if (error instanceof VenueRefused && THROTTLING.test(error.message))
    throw new VenueThrottled(error.message, 400, null);
  throw error;
}
