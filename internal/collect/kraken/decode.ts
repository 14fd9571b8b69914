import { isObject, member } from "../../lib/exact-json.ts";
import { decoded, tradeMessage } from "../decode.ts";
import type { CollectedFeed } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import { listField, numberField, readJson, requireObject, textField, timeField, wholeField } from "../wire.ts";

/** Understands a message of Kraken's WebSocket API v2. */
export function decodeKraken(text: string, feeds: readonly CollectedFeed[]): readonly VenueMessage[] {
  return decoded(() => {
    const message = requireObject(readJson(text), "the message");
    if (message["method"] !== undefined) return decodeAnswer(message);
    switch (message["channel"]) {
      case "trade":
        return listField(message, "data").flatMap((each) => tradeIn(each, feeds));
      case "heartbeat":
        return [{ type: "alive" }];
      case "status":
        return listField(message, "data").map(statusIn);
      default:
        return [{ type: "invalid", market: null, reason: "channel is none of trade, heartbeat and status" }];
    }
  });
}

function tradeIn(value: unknown, feeds: readonly CollectedFeed[]): readonly VenueMessage[] {
  return decoded(() => {
    const market = textField(value, "symbol");
    const message = tradeMessage(feeds, market, () => {
      const number = wholeField(value, "trade_id");
      const words = { price: numberField(value, "price"), size: numberField(value, "qty") };
      return { id: String(number), ts: timeField(value, "timestamp"), ...words, number, cursor: null };
    });
    return message === null ? [] : [message];
  });
}

function statusIn(value: unknown): VenueMessage {
  const system = textField(value, "system");
  // Orders are limited in the other states, but trades flow.
  return system === "maintenance" ? { type: "unavailable", reason: "Kraken is in maintenance" } : { type: "alive" };
}

/** The answer to a request: to a subscription with its market, to a ping with the venue's time. */
function decodeAnswer(message: Readonly<Record<string, unknown>>): readonly VenueMessage[] {
  const method = message["method"];
  if (method === "pong")
    return [{ type: "clock", market: null, time: timeField(message, "time_out"), lastNumber: null }];
  if (method !== "subscribe")
    return [{ type: "invalid", market: null, reason: "method is neither subscribe nor pong" }];
  if (message["success"] === true) {
    return [{ type: "subscribed", market: textField(message["result"], "symbol") }];
  }
  const reason = textField(message, "error");
  if (/rate limit|too many|throttled/i.test(reason)) return [{ type: "throttled", reason }];
  const market = member(message, "symbol");
  if (isObject(message) && typeof market === "string") return [{ type: "refused", market, reason }];
  return [{ type: "invalid", market: null, reason: `a request was refused: ${reason}` }];
}
