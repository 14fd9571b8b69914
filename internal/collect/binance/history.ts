import { laterOf, type Micros, seconds } from "../../canonical/time.ts";
import type { HistoryWindow, TradePage, VenueGet } from "../connector.ts";
import type { Endpoint } from "../feed.ts";
import { pageOf } from "../history/page.ts";
import type { VenueMessage } from "../message.ts";
import { InvalidMessage, microsField, numberField, readJson, wholeField } from "../wire.ts";

const PAGE = 1000;
const IN_MICROS = { "X-MBX-TIME-UNIT": "MICROSECOND" };

/** Reads a window of Binance's trades forwards by their ids. The first id is that of the first aggregate trade. */
export async function* binanceHistory(
  get: VenueGet,
  { feed, endpoint, from, to }: HistoryWindow,
): AsyncIterable<TradePage> {
  let id = await firstId(get, endpoint, feed.market, from);
  let reached: Micros = from;
  while (id !== null) {
    const query = { symbol: feed.market, fromId: String(id), limit: String(PAGE) };
    const entries = await readList(get, endpoint, "/api/v3/historicalTrades", query);
    const page = pageOf(feed, entries, (entry) => ({
      id: String(wholeField(entry, "id")),
      ts: microsField(entry, "time"),
      ...{ price: numberField(entry, "price"), size: numberField(entry, "qty") },
    }));
    const newest = entries.at(-1);
    const isLast = entries.length < PAGE || newest === undefined;
    const until = isLast ? to : laterOf(reached, microsField(newest, "time"));
    yield { ...page, complete: reached < until ? { from: reached, to: until < to ? until : to } : null };
    if (isLast || until >= to) return;
    const next: bigint = wholeField(newest, "id") + 1n;
    if (next <= id) throw new InvalidMessage("the page is not newer than the one before it");
    id = next;
    reached = until;
  }
  yield { trades: [], ignored: 0, unread: [], complete: { from, to } };
}

/** Returns the id of a trade before all that are at `from` or later; null where there are none. */
async function firstId(get: VenueGet, endpoint: Endpoint, symbol: string, from: Micros): Promise<bigint | null> {
  // An aggregate trade has the time of its first; a second before is before all that may count.
  const query = { symbol, startTime: String(from - seconds(1)), limit: "1" };
  const [first] = await readList(get, endpoint, "/api/v3/aggTrades", query);
  return first === undefined ? null : wholeField(first, "f");
}

async function readList(
  get: VenueGet,
  endpoint: Endpoint,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<readonly unknown[]> {
  const url = new URL(path, endpoint.rest);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const list = readJson(await get(url, IN_MICROS));
  if (!Array.isArray(list)) throw new InvalidMessage("the answer is not a list");
  return list;
}

/** Asks for the venue's time: its streams have none while a market is quiet. */
export async function readBinanceClock(get: VenueGet, endpoint: Endpoint): Promise<readonly VenueMessage[]> {
  const answer = readJson(await get(new URL("/api/v3/time", endpoint.rest), IN_MICROS));
  return [{ type: "clock", market: null, time: microsField(answer, "serverTime"), lastNumber: null }];
}
