import { earlierOf, laterOf, type Micros } from "../../canonical/time.ts";
import type { HistoryWindow, TradePage, VenueGet } from "../connector.ts";
import { tradeMessage } from "../decode.ts";
import { VenueUnavailable } from "../failures.ts";
import type { CollectedFeed, Endpoint } from "../feed.ts";
import { pageOf } from "../history/page.ts";
import type { VenueMessage } from "../message.ts";
import { InvalidMessage, listField, member, readJson, textField, timeField } from "../wire.ts";
import { horizonTrade } from "./decode.ts";
import { cursorBefore, readNewestLedger } from "./ledgers.ts";
import { tradesUrl } from "./trades-url.ts";

const PAGE = 200;

/** Reads a window of a market's trades forwards by their paging tokens, from a ledger that closed before it. */
export async function* horizonHistory(get: VenueGet, window: HistoryWindow): AsyncIterable<TradePage> {
  const { feed, endpoint, from, to } = window;
  const newest = await readNewestLedger(get, endpoint);
  let cursor = await cursorBefore(get, endpoint, newest, from);
  let reached: Micros = from;
  for (;;) {
    const records = await readRecords(get, tradesUrl(endpoint.rest, feed, { cursor, order: "asc", limit: PAGE }));
    const page = pageOf(feed, records, (record) => horizonTrade(record, feed));
    const last = records.at(-1);
    const isLast = records.length < PAGE || last === undefined;
    // Ledgers after the newest one that was known may still be missing.
    const until = isLast ? earlierOf(to, newest.closedAt + 1n) : laterOf(reached, timeField(last, "ledger_close_time"));
    yield { ...page, complete: reached < until ? { from: reached, to: earlierOf(until, to) } : null };
    if (until >= to) return;
    if (isLast) throw new VenueUnavailable("the window ends after the newest ledger that Horizon has");
    const next = textField(last, "paging_token");
    if (next === cursor) throw new InvalidMessage("the page does not go on");
    cursor = next;
    reached = until;
  }
}

/**
 * Asks for what the stream may not have sent yet, and up to which ledger that is: where the page is not full, every trade of that
 * ledger and those before it has come.
 */
export async function probeHorizon(
  get: VenueGet,
  endpoint: Endpoint,
  feeds: readonly CollectedFeed[],
  cursor: string | null,
): Promise<readonly VenueMessage[]> {
  const [feed] = feeds;
  if (feed === undefined) return [];
  const { closedAt } = await readNewestLedger(get, endpoint);
  const newest = { cursor: "now", order: "desc", limit: 1 };
  const query = cursor === null ? newest : { cursor, order: "asc", limit: PAGE };
  const records = await readRecords(get, tradesUrl(endpoint.rest, feed, query));
  const trades = records.flatMap((record) => tradeMessage(feeds, feed.market, () => horizonTrade(record, feed)) ?? []);
  if (records.length === PAGE) return trades;
  return [...trades, { type: "clock", market: feed.market, time: closedAt + 1n, lastNumber: null }];
}

async function readRecords(get: VenueGet, url: URL): Promise<readonly unknown[]> {
  return listField(member(readJson(await get(url)), "_embedded"), "records");
}
