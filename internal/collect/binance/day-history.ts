import { readBinanceFileTime } from "../../canonical/binance-file-time.ts";
import { InputError } from "../../canonical/input-error.ts";
import { earlierOf, floorTo, formatTime, laterOf, type Micros, seconds } from "../../canonical/time.ts";
import type { HistoryWindow, TradePage, VenueGet } from "../connector.ts";
import { VenueThrottled, VenueUnavailable } from "../failures.ts";
import { pageOf } from "../history/page.ts";
import type { TradeWords } from "../trade.ts";
import { InvalidMessage, microsField, numberText, whole, wholeField } from "../wire.ts";
import { CURE, type DayFile, readDayFile } from "./day-file.ts";
import { readTradesFrom } from "./requests.ts";

/** Rows that are stored at once. */
const PAGE = 2000;
const DAY: Micros = seconds(86_400);
/** A shorter window costs less by request. */
const LEAST: Micros = seconds(3600);

/** Returns the day (YYYY-MM-DD) whose file has a window that is worth a file; null where there is none. */
export function dayOf({ from, to }: HistoryWindow): string | null {
  const begin = floorTo(from, DAY);
  return to - from >= LEAST && to <= begin + DAY ? formatTime(begin).slice(0, 10) : null;
}

interface Place {
  readonly id: bigint;
  readonly ts: Micros;
}

/**
 * Reads a window from the file of its day. Between two neighbouring ids nothing is missing; that nothing is missing before the first trade and
 * after the last one is asked for by request. Returns whether the file had any trades.
 */
export async function* dayHistory(
  get: VenueGet,
  window: HistoryWindow,
  file: DayFile,
): AsyncGenerator<TradePage, boolean> {
  const begin = floorTo(window.from, DAY);
  let rows: (readonly string[])[] = [];
  /** The last trade, and from when on everything up to it has come. */
  let last: Place | null = null;
  let from: Micros = begin;

  function flush(until: Micros): TradePage {
    const page = pageOf(window.feed, rows, (row) => wordsOf(row as readonly string[]));
    const complete = { from: laterOf(from, window.from), to: earlierOf(until, window.to) };
    rows = [];
    from = laterOf(from, until);
    return { ...page, complete: complete.from < complete.to ? complete : null };
  }

  for await (const group of readDayFile(file)) {
    for (const row of group) {
      const place = placeOf(row, file);
      if (last === null) from = (await isFirst(get, window, place, begin)) ? begin : place.ts + 1n;
      else if (place.id !== last.id + 1n) {
        yield flush(last.ts);
        from = place.ts + 1n;
      }
      last = place;
      if (place.ts >= window.from && place.ts < window.to) rows.push(row);
      if (rows.length === PAGE) yield flush(place.ts);
    }
  }
  if (last === null) return false;
  yield flush((await isLast(get, window, last, begin + DAY)) ? begin + DAY : last.ts);
  return true;
}

/** @throws VenueUnavailable where a row has no id or no time */
function placeOf([id, , , , time = ""]: readonly string[], { name }: DayFile): Place {
  try {
    return { id: whole(id, "id"), ts: timeOf(time) };
  } catch (error) {
    throw error instanceof InvalidMessage ? new VenueUnavailable(`${name}: ${error.message}; ${CURE}`) : error;
  }
}

function wordsOf([id, price, size, , time = ""]: readonly string[]): TradeWords {
  return {
    id: String(whole(id, "id")),
    ts: timeOf(time),
    ...{ price: numberText(price, "price"), size: numberText(size, "qty") },
  };
}

function timeOf(text: string): Micros {
  try {
    return readBinanceFileTime(text);
  } catch (error) {
    throw error instanceof InputError ? new InvalidMessage(`time ${error.message}`) : error;
  }
}

async function isFirst(get: VenueGet, window: HistoryWindow, { id }: Place, begin: Micros): Promise<boolean> {
  if (id === 0n) return true;
  const before = await neighbour(get, window, id - 1n);
  return before !== "unknown" && (before === null || before.id >= id || before.ts < begin);
}

async function isLast(get: VenueGet, window: HistoryWindow, { id }: Place, end: Micros): Promise<boolean> {
  const after = await neighbour(get, window, id + 1n);
  return after !== "unknown" && (after === null || after.ts >= end);
}

/** Asks for the first trade from an id on. Where requests are not answered, a little of the day stays a gap. */
async function neighbour(get: VenueGet, window: HistoryWindow, id: bigint): Promise<Place | null | "unknown"> {
  try {
    const [entry] = await readTradesFrom(get, window, id, 1);
    return entry === undefined ? null : { id: wholeField(entry, "id"), ts: microsField(entry, "time") };
  } catch (error) {
    if (error instanceof VenueThrottled) throw error;
    return "unknown";
  }
}
