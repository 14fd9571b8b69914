import { laterOf, type Micros } from "../../canonical/time.ts";
import { member } from "../../lib/exact-json.ts";
import type { HistoryWindow, TradePage, VenueGet } from "../connector.ts";
import { VenueRefused, VenueThrottled, VenueUnavailable } from "../failures.ts";
import { pageOf } from "../history/page.ts";
import { InvalidMessage, listField, numberText, readJson, requireObject, secondsTime, whole } from "../wire.ts";

const PAGE = 1000;
const NANOS_PER_MICRO = 1000n;

/** Reads a window of Kraken's public trades forwards: `since` is a time in nanoseconds, and its trades are later. */
export async function* krakenHistory(
  get: VenueGet,
  { feed, endpoint, from, to }: HistoryWindow,
): AsyncIterable<TradePage> {
  // A nanosecond before, since those of exactly that time would be left out.
  let since = from * NANOS_PER_MICRO - 1n;
  let reached: Micros = from;
  for (;;) {
    const url = new URL("/0/public/Trades", endpoint.rest);
    url.searchParams.set("pair", feed.market);
    url.searchParams.set("since", String(since));
    url.searchParams.set("count", String(PAGE));
    const { rows, last } = readTrades(await get(url));
    const page = pageOf(feed, rows, (row) => {
      if (!Array.isArray(row)) throw new InvalidMessage("a trade is not a list");
      const [price, size, time, , , , id] = row;
      return {
        id: String(whole(id, "trade id")),
        ts: secondsTime(numberText(time, "time"), "time"),
        ...{ price: numberText(price, "price"), size: numberText(size, "volume") },
      };
    });
    const isLast = rows.length < PAGE;
    // The last trade's neighbours of the same microsecond may be on the next page.
    const until = isLast ? to : laterOf(reached, last / NANOS_PER_MICRO);
    yield { ...page, complete: reached < until ? { from: reached, to: until < to ? until : to } : null };
    if (isLast || until >= to) return;
    if (last <= since) throw new InvalidMessage("last does not go on: the same trades would be read for ever");
    since = last;
    reached = until;
  }
}

function readTrades(text: string): { rows: readonly unknown[]; last: bigint } {
  const answer = requireObject(readJson(text), "the answer");
  const [error] = listField(answer, "error");
  if (error !== undefined) throw refusalOf(String(error));
  const result = requireObject(answer["result"], "result");
  // Kraken answers under its own name of the pair, such as XXLMZUSD.
  const name = Object.keys(result).find((key) => key !== "last");
  if (name === undefined) throw new InvalidMessage("result has no list of trades");
  return { rows: listField(result, name), last: whole(member(result, "last"), "last") };
}

/** Kraken says in the body what is wrong, with status 200. */
function refusalOf(error: string): Error {
  if (/Too many requests|Rate limit exceeded|Throttled/i.test(error)) return new VenueThrottled(error, null, null);
  if (/^EService:|^EGeneral:Internal|^EGeneral:Temporary/.test(error)) return new VenueUnavailable(error);
  return new VenueRefused(error);
}
