import type { VenueGet } from "../connector.ts";
import type { CollectedFeed, Endpoint } from "../feed.ts";
import { poolsOf } from "./market.ts";
import { PAGE } from "./page.ts";
import { callRpc } from "./rpc.ts";
import type { SwapProtocol } from "./swap.ts";

/** Where a page begins. */
export type PageStart = { readonly startLedger: bigint } | { readonly cursor: string };

/** Asks for the swaps of feeds, at most five; a filter for each. Returns the text of the answer. */
export function getSwaps(
  get: VenueGet,
  endpoint: Endpoint,
  { topics }: SwapProtocol,
  feeds: readonly CollectedFeed[],
  start: PageStart,
): Promise<string> {
  const filters = feeds.map((feed) => ({ type: "contract", contractIds: poolsOf(feed), topics }));
  return callRpc(get, endpoint, "getEvents", { filters, ...placed(start, PAGE) });
}

/** Asks for the first event of any kind from a ledger on. */
export function getFirstEvent(get: VenueGet, endpoint: Endpoint, startLedger: bigint): Promise<string> {
  return callRpc(get, endpoint, "getEvents", { filters: [], ...placed({ startLedger }, 1) });
}

function placed(start: PageStart, limit: number): object {
  if ("cursor" in start) return { pagination: { cursor: start.cursor, limit } };
  return { startLedger: Number(start.startLedger), pagination: { limit } };
}
