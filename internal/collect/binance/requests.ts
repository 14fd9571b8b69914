import type { Micros } from "../../canonical/time.ts";
import { seconds } from "../../canonical/time.ts";
import type { HistoryWindow, VenueGet } from "../connector.ts";
import type { Endpoint } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import { InvalidMessage, microsField, readJson, wholeField } from "../wire.ts";

const IN_MICROS = { "X-MBX-TIME-UNIT": "MICROSECOND" };

/** Asks for a market's trades from an id on. */
export function readTradesFrom(
  get: VenueGet,
  { feed, endpoint }: HistoryWindow,
  id: bigint,
  limit: number,
): Promise<readonly unknown[]> {
  const query = { symbol: feed.market, fromId: String(id), limit: String(limit) };
  return readList(get, endpoint, "/api/v3/historicalTrades", query);
}

/** Returns the id of a trade before all that are at `from` or later; null where there are none. */
export async function readFirstId(
  get: VenueGet,
  endpoint: Endpoint,
  symbol: string,
  from: Micros,
): Promise<bigint | null> {
  // An aggregate trade has the time of its first; a second before is before all that may count.
  const query = { symbol, startTime: String(from - seconds(1)), limit: "1" };
  const [first] = await readList(get, endpoint, "/api/v3/aggTrades", query);
  return first === undefined ? null : wholeField(first, "f");
}

/** Asks for the venue's time: its streams have none while a market is quiet. */
export async function readBinanceClock(get: VenueGet, endpoint: Endpoint): Promise<readonly VenueMessage[]> {
  const answer = readJson(await get(new URL("/api/v3/time", endpoint.rest), IN_MICROS));
  return [{ type: "clock", market: null, time: microsField(answer, "serverTime"), lastNumber: null }];
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
