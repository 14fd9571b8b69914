import { decoded, tradeMessage } from "../decode.ts";
import type { CollectedFeed } from "../feed.ts";
import type { VenueMessage, VenueTrade } from "../message.ts";
import type { TradeWords } from "../trade.ts";
import { InvalidMessage, member, readJson } from "../wire.ts";
import { readEvent } from "./event.ts";
import { poolsOf, tokensOf } from "./market.ts";
import type { SwapProtocol } from "./swap.ts";

/** What a Stellar Asset Contract divides an asset into. */
const DECIMALS = 7;

type SwapWords = TradeWords & Pick<VenueTrade, "number" | "cursor">;

/** Understands a list of events, in JSON, which tell of one swap. */
export function decodeSwap(
  protocol: SwapProtocol,
  text: string,
  feeds: readonly CollectedFeed[],
): readonly VenueMessage[] {
  return decoded(() => {
    const entries = readJson(text);
    if (!Array.isArray(entries) || entries.length === 0) throw new InvalidMessage("is no list of events");
    const pool = member(entries[0], "contractId");
    if (typeof pool !== "string") throw new InvalidMessage("contractId is missing");
    return feeds
      .filter((feed) => poolsOf(feed).includes(pool))
      .flatMap((feed) =>
        decoded(() => {
          const words = swapWords(protocol, entries, feed);
          const message = words === null ? null : tradeMessage(feeds, feed.market, () => words);
          return message === null ? [] : [message];
        }, feed.market),
      );
  });
}

/**
 * Reads a swap as a trade of a feed; null where it is none of its pair's, or was not carried out.
 * @throws InvalidMessage
 */
export function swapWords(protocol: SwapProtocol, entries: readonly unknown[], feed: CollectedFeed): SwapWords | null {
  const [first, ...others] = entries.map(readEvent);
  if (first === undefined) throw new InvalidMessage("is no list of events");
  if (!first.isSuccessful) return null;
  const amounts = protocol.amounts([first, ...others], tokensOf(feed));
  if (amounts === null) return null;
  const [size, quoteAmount] = [`${amounts.base}e-${DECIMALS}`, `${amounts.quote}e-${DECIMALS}`];
  return { id: first.id, ts: first.closedAt, size, quoteAmount, number: null, cursor: (others.at(-1) ?? first).id };
}

/** Puts together which events tell of one swap. */
export function swapsOf(protocol: SwapProtocol, entries: readonly unknown[]): readonly (readonly unknown[])[] {
  const swaps: unknown[][] = [];
  for (const entry of entries) {
    const last = swaps.at(-1);
    if (last !== undefined && protocol.continues(entry) && placeOf(last[0]) === placeOf(entry)) last.push(entry);
    else swaps.push([entry]);
  }
  return swaps;
}

/** Returns the pool and operation of an event. */
function placeOf(entry: unknown): string {
  return `${member(entry, "contractId")} ${String(member(entry, "id")).split("-")[0]}`;
}
