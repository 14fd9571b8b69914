import { laterOf, type Micros } from "../../canonical/time.ts";
import type { HistoryWindow, TradePage, VenueDownload, VenueGet } from "../connector.ts";
import { pageOf } from "../history/page.ts";
import { InvalidMessage, microsField, numberField, wholeField } from "../wire.ts";
import { openDayFile } from "./day-file.ts";
import { dayHistory, dayOf } from "./day-history.ts";
import { readFirstId, readTradesFrom } from "./requests.ts";

const PAGE = 1000;

/** Reads a window from the public file of its day, where files are given and there is one, or by request. */
export async function* binanceHistory(
  get: VenueGet,
  window: HistoryWindow,
  download: VenueDownload,
): AsyncIterable<TradePage> {
  const day = dayOf(window);
  const { files } = window.endpoint;
  const file = day === null || files === undefined ? null : await openDayFile(download, files, window.feed.market, day);
  try {
    if (file !== null && (yield* dayHistory(get, window, file))) return;
  } finally {
    await file?.close();
  }
  yield* requestedHistory(get, window);
}

/** Reads a window of Binance's trades forwards by their ids. The first id is that of the first aggregate trade. */
async function* requestedHistory(get: VenueGet, window: HistoryWindow): AsyncIterable<TradePage> {
  const { feed, endpoint, from, to } = window;
  let id = await readFirstId(get, endpoint, feed.market, from);
  let reached: Micros = from;
  while (id !== null) {
    const entries = await readTradesFrom(get, window, id, PAGE);
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
