import { earlierOf, formatTime, laterOf, type Micros } from "../../canonical/time.ts";
import type { HistoryWindow, TradePage, VenueGet } from "../connector.ts";
import { HistoryGone, VenueRefused, VenueUnavailable } from "../failures.ts";
import { ledgerBefore } from "../history/ledger-before.ts";
import { pageOf } from "../history/page.ts";
import { InvalidMessage, timeField } from "../wire.ts";
import { swapsOf, swapWords } from "./decode.ts";
import { getFirstEvent, getSwaps, type PageStart } from "./get-events.ts";
import { type EventPage, readPage } from "./page.ts";
import { refusedMarkets } from "./pools.ts";
import { readNodeLedgers } from "./rpc.ts";
import type { SwapProtocol } from "./swap.ts";

/**
 * Reads a window of a market's swaps forwards, from a ledger that closed before it.
 * @throws HistoryGone where the window begins before what the node has; what it has of the window is returned before
 */
export async function* swapHistory(
  protocol: SwapProtocol,
  get: VenueGet,
  { feed, endpoint, from, to }: HistoryWindow,
): AsyncIterable<TradePage> {
  const [refused] = (await refusedMarkets(get, endpoint, protocol, [feed])).values();
  if (refused !== undefined) throw new VenueRefused(refused);
  const firstEvent = async (ledger: bigint): Promise<EventPage> => readPage(await getFirstEvent(get, endpoint, ledger));
  const closedFrom = async (ledger: bigint): Promise<Micros | null> => firstTime(await firstEvent(ledger));

  const { newest, oldest } = await firstEvent((await readNodeLedgers(get, endpoint)).newest);
  const isGone = oldest.closedAt >= from;
  const ledgers = { newest: newest.sequence, closedAt: newest.closedAt, oldest: oldest.sequence };
  const before = isGone
    ? null
    : await ledgerBefore(ledgers, from, async (ledger) => (await closedFrom(ledger)) ?? newest.closedAt);
  let start: PageStart = { startLedger: before ?? oldest.sequence };
  let reached = isGone ? oldest.closedAt : from;
  while (reached < to) {
    const page = readPage(await getSwaps(get, endpoint, protocol, [feed], start));
    const swaps = swapsOf(protocol, page.events);
    const isAtEnd = page.through >= page.newest.sequence;
    const until = isAtEnd ? page.newest.closedAt + 1n : ((await closedFrom(page.through)) ?? reached);
    const complete = reached < until ? { from: reached, to: earlierOf(until, to) } : null;
    yield { ...pageOf(feed, swaps, (swap) => swapWords(protocol, swap, feed)), complete };
    reached = laterOf(reached, until);
    if (isAtEnd && reached < to)
      throw new VenueUnavailable("the window ends after the newest ledger that the node has");
    if ("cursor" in start && start.cursor === page.cursor) throw new InvalidMessage("the page does not go on");
    start = { cursor: page.cursor };
  }
  if (!isGone) return;
  throw new HistoryGone(
    `the node has no ledger before ${formatTime(oldest.closedAt)}; what happened from ${formatTime(from)} until then has to be asked of a node that keeps more, or imported`,
  );
}

/** Returns when the first ledger closed that has an event, from the one that was asked for on; null where none was found. */
function firstTime({ events: [first] }: EventPage): Micros | null {
  return first === undefined ? null : timeField(first, "ledgerClosedAt");
}
