import { parsePair } from "../../canonical/pair.ts";
import { decoded, tradeMessage } from "../decode.ts";
import type { CollectedFeed } from "../feed.ts";
import type { VenueMessage, VenueTrade } from "../message.ts";
import type { TradeWords } from "../trade.ts";
import {
  InvalidMessage,
  member,
  numberField,
  readJson,
  requireObject,
  textField,
  timeField,
  wholeField,
} from "../wire.ts";

const TYPES = new Set(["orderbook", "liquidity_pool"]);

/** Understands the data of an event of Horizon's stream of one market. */
export function decodeHorizon(text: string, feeds: readonly CollectedFeed[]): readonly VenueMessage[] {
  return decoded(() => {
    const value = readJson(text);
    // The first event, and the last before the server closes the stream.
    if (value === "hello") return feeds.map(({ market }) => ({ type: "subscribed" as const, market }));
    if (value === "byebye") return [{ type: "alive" }];
    const [feed] = feeds;
    if (feed === undefined) return [];
    const message = tradeMessage(feeds, feed.market, () => horizonTrade(value, feed));
    return message === null ? [] : [message];
  });
}

/**
 * Reads a trade in the feed's orientation. The amounts are what changed hands; the price, n/d, is that of the offer or pool, whose
 * product may differ from them by rounding.
 * @throws InvalidMessage
 */
export function horizonTrade(value: unknown, feed: CollectedFeed): TradeWords & Pick<VenueTrade, "number" | "cursor"> {
  const trade = requireObject(value, "the trade");
  const type = textField(trade, "trade_type");
  if (!TYPES.has(type)) throw new InvalidMessage(`trade_type is ${type}, neither orderbook nor liquidity_pool`);
  const price = requireObject(member(trade, "price"), "price");
  if (wholeField(price, "n") <= 0n || wholeField(price, "d") <= 0n) throw new InvalidMessage("price is not above 0");
  const { base, quote } = parsePair(feed.market);
  const sides = { base: assetOf(trade, "base"), quote: assetOf(trade, "counter") };
  if (sides.base !== base || sides.quote !== quote) {
    throw new InvalidMessage(`is a trade of ${sides.base}/${sides.quote}, not of ${feed.market}`);
  }
  const cursor = textField(trade, "paging_token");
  const amounts = { size: numberField(trade, "base_amount"), quoteAmount: numberField(trade, "counter_amount") };
  return { id: cursor, ts: timeField(trade, "ledger_close_time"), ...amounts, number: null, cursor };
}

function assetOf(trade: unknown, side: "base" | "counter"): string {
  if (textField(trade, `${side}_asset_type`) === "native") return "native";
  return `${textField(trade, `${side}_asset_code`)}-${textField(trade, `${side}_asset_issuer`)}`;
}
