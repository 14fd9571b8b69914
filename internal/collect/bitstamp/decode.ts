import { decoded, tradeMessage } from "../decode.ts";
import type { CollectedFeed } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import {
  InvalidMessage,
  member,
  microsField,
  numberField,
  readJson,
  requireObject,
  textField,
  wholeField,
} from "../wire.ts";

/** The channel of a market's trades begins so; the market follows. */
export const TRADES_CHANNEL = "live_trades_";
/**
 * Changes of the busiest order book, which carry the venue's time on the same connection. Heartbeats are answered without a
 * time, and the times of requests may come from a cache.
 */
export const CLOCK_CHANNEL = "diff_order_book_btcusd";

/** Understands a message of Bitstamp's WebSocket API v2. */
export function decodeBitstamp(text: string, feeds: readonly CollectedFeed[]): readonly VenueMessage[] {
  return decoded(() => {
    const message = requireObject(readJson(text), "the message");
    switch (message["event"]) {
      case "trade":
        return tradeIn(message, feeds);
      case "data":
        return [clockIn(message)];
      case "bts:heartbeat":
        return [{ type: "alive" }];
      case "bts:subscription_succeeded": {
        const market = marketIn(textField(message, "channel"));
        return [market === null ? { type: "alive" } : { type: "subscribed", market }];
      }
      case "bts:request_reconnect":
        return [{ type: "unavailable", reason: "Bitstamp asks for another connection" }];
      case "bts:error":
        return [errorIn(message)];
      default:
        return [{ type: "invalid", market: null, reason: "event is none that is documented for these channels" }];
    }
  });
}

function tradeIn(message: Readonly<Record<string, unknown>>, feeds: readonly CollectedFeed[]): readonly VenueMessage[] {
  const market = marketIn(textField(message, "channel"));
  if (market === null) throw new InvalidMessage("channel is not one of trades");
  const data = message["data"];
  const trade = tradeMessage(feeds, market, () => ({
    ...{ id: String(wholeField(data, "id")), ts: microsField(data, "microtimestamp") },
    ...{ price: numberField(data, "price_str"), size: numberField(data, "amount_str"), number: null, cursor: null },
  }));
  return trade === null ? [] : [trade];
}

function clockIn(message: Readonly<Record<string, unknown>>): VenueMessage {
  if (message["channel"] !== CLOCK_CHANNEL) throw new InvalidMessage(`channel is not ${CLOCK_CHANNEL}`);
  return { type: "clock", market: null, time: microsField(message["data"], "microtimestamp"), lastNumber: null };
}

function errorIn(message: Readonly<Record<string, unknown>>): VenueMessage {
  const reason = textField(message["data"], "message");
  if (/rate limit|too many/i.test(reason)) return { type: "throttled", reason };
  const channel = member(message, "channel");
  const market = typeof channel === "string" ? marketIn(channel) : null;
  if (market !== null) return { type: "refused", market, reason };
  return { type: "invalid", market: null, reason: `a request was refused: ${reason}` };
}

/** Returns the market of a channel of trades; null for another channel. */
function marketIn(channel: string): string | null {
  return channel.startsWith(TRADES_CHANNEL) ? channel.slice(TRADES_CHANNEL.length) : null;
}
