import { decoded, tradeMessage } from "../decode.ts";
import type { CollectedFeed } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import { listField, numberField, readJson, requireObject, textField, timeField, wholeField } from "../wire.ts";

/** Understands a message of Coinbase Exchange's WebSocket feed. */
export function decodeCoinbase(text: string, feeds: readonly CollectedFeed[]): readonly VenueMessage[] {
  return decoded(() => {
    const message = requireObject(readJson(text), "the message");
    switch (message["type"]) {
      // The last trade before the subscription comes as last_match.
      case "match":
      case "last_match":
        return tradeIn(message, feeds);
      case "heartbeat":
        return [heartbeatIn(message)];
      case "subscriptions":
        return listField(message, "channels").flatMap((channel) =>
          textField(channel, "name") === "matches"
            ? listField(channel, "product_ids").map((market) => ({
                type: "subscribed" as const,
                market: String(market),
              }))
            : [],
        );
      case "error":
        return [errorIn(message)];
      default:
        return [{ type: "invalid", market: null, reason: "type is none that is documented for these channels" }];
    }
  });
}

function tradeIn(value: unknown, feeds: readonly CollectedFeed[]): readonly VenueMessage[] {
  const message = tradeMessage(feeds, textField(value, "product_id"), () => {
    const number = wholeField(value, "trade_id");
    const words = { price: numberField(value, "price"), size: numberField(value, "size") };
    return { id: String(number), ts: timeField(value, "time"), ...words, number, cursor: null };
  });
  return message === null ? [] : [message];
}

function heartbeatIn(value: unknown): VenueMessage {
  const number = wholeField(value, "last_trade_id");
  // There were times when it was 0 in each heartbeat, which says nothing.
  const lastNumber = number === 0n ? null : number;
  return { type: "clock", market: textField(value, "product_id"), time: timeField(value, "time"), lastNumber };
}

function errorIn(value: Readonly<Record<string, unknown>>): VenueMessage {
  const message = textField(value, "message");
  const reason = typeof value["reason"] === "string" ? value["reason"] : message;
  const [, market] = /^(\S+) is not a valid product/.exec(reason) ?? [];
  if (market !== undefined) return { type: "refused", market, reason };
  if (/rate limit|too many/i.test(`${message} ${reason}`)) return { type: "throttled", reason };
  return { type: "unavailable", reason: `Coinbase answered with an error: ${message}: ${reason}` };
}
