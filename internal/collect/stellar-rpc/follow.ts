import type { Followed, VenueGet } from "../connector.ts";
import { VenueUnavailable } from "../failures.ts";
import type { CollectedFeed, Endpoint } from "../feed.ts";
import { textOf } from "../history/page.ts";
import { InvalidMessage } from "../wire.ts";
import { decodeSwap, swapsOf } from "./decode.ts";
import { ledgerOf } from "./event.ts";
import { getSwaps, type PageStart } from "./get-events.ts";
import { type EventPage, readPage } from "./page.ts";
import { refusedMarkets } from "./pools.ts";
import { readNodeLedgers } from "./rpc.ts";
import type { SwapProtocol } from "./swap.ts";

/** A ledger closes every five or six seconds. */
const PAUSE_SECONDS = 3;

/** Follows the swaps of feeds from a cursor, or from the newest ledger. */
export async function* followSwaps(
  protocol: SwapProtocol,
  get: VenueGet,
  endpoint: Endpoint,
  feeds: readonly CollectedFeed[],
  cursor: string | null,
  pause: (seconds: number) => Promise<void>,
): AsyncIterable<Followed> {
  const { newest, oldest } = await readNodeLedgers(get, endpoint);
  const at = cursor === null ? newest : ledgerOf(cursor);
  if (at > newest) throw new VenueUnavailable(`the node is at ledger ${newest}, behind ${at}, which was told before`);
  if (at < oldest) {
    const reason = `the node has no ledger before ${oldest}, and ${at} was the last one; what is missing between is a gap`;
    yield { text: "", messages: [{ type: "lost", reason }] };
    return;
  }
  const refused = await refusedMarkets(get, endpoint, protocol, feeds);
  const accepted = feeds.filter(({ market }) => !refused.has(market));
  const refusals = [...refused].map(([market, reason]) => ({ type: "refused" as const, market, reason }));
  if (accepted.length > 0) {
    const start = cursor === null ? { startLedger: newest } : { cursor };
    const acknowledged = [...refusals, ...accepted.map(({ market }) => ({ type: "subscribed" as const, market }))];
    yield* pagesOfSwaps(protocol, get, endpoint, accepted, start, pause, acknowledged);
  }
  for (let messages: Followed["messages"] = refusals; ; messages = [{ type: "alive" }]) {
    yield { text: "", messages };
    await pause(PAUSE_SECONDS);
  }
}

async function* pagesOfSwaps(
  protocol: SwapProtocol,
  get: VenueGet,
  endpoint: Endpoint,
  feeds: readonly CollectedFeed[],
  from: PageStart,
  pause: (seconds: number) => Promise<void>,
  acknowledged: Followed["messages"],
): AsyncIterable<Followed> {
  let start = from;
  let reached = 0n;
  for (let isFirst = true; ; isFirst = false) {
    const text = await getSwaps(get, endpoint, protocol, feeds, start);
    const page = understood(text);
    if ("reason" in page) {
      yield { text, messages: [{ type: "invalid", market: null, reason: page.reason }] };
      throw new VenueUnavailable(`the node's answer could not be understood: ${page.reason}`);
    }
    const { events, through, newest } = page;
    if (isFirst) yield { text: endOf(page), messages: acknowledged };
    for (const swap of swapsOf(protocol, events)) {
      const told = textOf(swap);
      yield { text: told, messages: decodeSwap(protocol, told, feeds) };
    }
    const isAtEnd = through >= newest.sequence;
    // Answers that stay at one ledger are no sign of life.
    yield { text: endOf(page), messages: through > reached ? clocks(page, isAtEnd ? feeds : []) : [] };
    reached = through;
    start = { cursor: page.cursor };
    if (isAtEnd) await pause(PAUSE_SECONDS);
  }
}

function understood(text: string): EventPage | { readonly reason: string } {
  try {
    return readPage(text);
  } catch (error) {
    if (!(error instanceof InvalidMessage)) throw error;
    return { reason: error.message };
  }
}

/** The newest ledger's time: every event of it and those before has come. */
function clocks({ newest, cursor }: EventPage, feeds: readonly CollectedFeed[]): Followed["messages"] {
  if (feeds.length === 0) return [{ type: "alive" }];
  const time = newest.closedAt + 1n;
  return feeds.map(({ market }) => ({ type: "clock" as const, market, time, lastNumber: null, cursor }));
}

function endOf({ newest, cursor }: EventPage): string {
  return JSON.stringify({ latestLedger: Number(newest.sequence), cursor });
}
