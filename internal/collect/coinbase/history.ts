import { earlierOf, type Micros } from "../../canonical/time.ts";
import type { HistoryWindow, TradePage, VenueGet } from "../connector.ts";
import { pageOf } from "../history/page.ts";
import { InvalidMessage, numberField, readJson, textField, timeField, wholeField } from "../wire.ts";

const PAGE = 1000;

/**
 * Reads a window of Coinbase's trades backwards: `after` is the id of a trade, and the page has those before it. Ids have
 * no times, so the end of the window is found by bisection.
 */
export async function* coinbaseHistory(get: VenueGet, window: HistoryWindow): AsyncIterable<TradePage> {
  const { feed, from, to } = window;
  let after = await idBehind(get, window);
  let reached: Micros = to;
  for (;;) {
    const entries = await readTrades(get, window, after, PAGE);
    const page = pageOf(feed, entries, (entry) => ({
      id: String(wholeField(entry, "trade_id")),
      ts: timeField(entry, "time"),
      ...{ price: numberField(entry, "price"), size: numberField(entry, "size") },
    }));
    const oldest = entries.at(-1);
    const isFirst = entries.length < PAGE || oldest === undefined;
    // Trades of the oldest one's time may be on the next page.
    const since = isFirst ? from : earlierOf(reached, timeField(oldest, "time") + 1n);
    yield { ...page, complete: since < reached ? { from: since > from ? since : from, to: reached } : null };
    if (isFirst || since <= from) return;
    const next = wholeField(oldest, "trade_id");
    if (after !== null && next >= after) throw new InvalidMessage("the page is not older than the one before it");
    after = next;
    reached = since;
  }
}

/** Returns an id such that all trades of the window come before it; null for the newest page. */
async function idBehind(get: VenueGet, window: HistoryWindow): Promise<bigint | null> {
  const [newest] = await readTrades(get, window, null, 1);
  if (newest === undefined || timeField(newest, "time") < window.to) return null;
  let tooEarly = 0n;
  let behind = wholeField(newest, "trade_id");
  // A page more than needed costs less than another question.
  while (behind - tooEarly > BigInt(PAGE / 2)) {
    const middle = (tooEarly + behind) / 2n;
    const [found] = await readTrades(get, window, middle + 1n, 1);
    if (found !== undefined && timeField(found, "time") >= window.to) behind = middle;
    else tooEarly = middle;
  }
  return behind + 1n;
}

async function readTrades(
  get: VenueGet,
  { feed, endpoint }: HistoryWindow,
  after: bigint | null,
  limit: number,
): Promise<readonly unknown[]> {
  const url = new URL(`/products/${encodeURIComponent(feed.market)}/trades`, endpoint.rest);
  url.searchParams.set("limit", String(limit));
  if (after !== null) url.searchParams.set("after", String(after));
  const entries = readJson(await get(url));
  if (!Array.isArray(entries))
    throw new InvalidMessage(`the answer is no list of trades: ${textField(entries, "message")}`);
  return entries;
}
