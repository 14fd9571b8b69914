import { decoded, tradeMessage } from "../decode.ts";
import type { CollectedFeed } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import { member, microsField, numberField, readJson, requireObject, textField, wholeField } from "../wire.ts";

/** Understands a message of Binance's streams, with times in microseconds. */
export function decodeBinance(text: string, feeds: readonly CollectedFeed[]): readonly VenueMessage[] {
  return decoded(() => {
    const message = requireObject(readJson(text), "the message");
    if (message["error"] !== undefined || message["code"] !== undefined) return [errorIn(message)];
    // The answer to the one subscription; Binance accepts markets that do not exist, which requests for history show.
    if (message["result"] === null) return feeds.map(({ market }) => ({ type: "subscribed" as const, market }));
    switch (message["e"]) {
      case "trade":
        return tradeIn(message, feeds);
      case "serverShutdown":
        return [{ type: "unavailable", reason: "Binance closes this connection for maintenance" }];
      default:
        return [{ type: "invalid", market: null, reason: "e is neither trade nor serverShutdown" }];
    }
  });
}

function tradeIn(value: unknown, feeds: readonly CollectedFeed[]): readonly VenueMessage[] {
  const message = tradeMessage(feeds, textField(value, "s"), () => {
    const number = wholeField(value, "t");
    const words = { price: numberField(value, "p"), size: numberField(value, "q") };
    return { id: String(number), ts: microsField(value, "T"), ...words, number, cursor: null };
  });
  return message === null ? [] : [message];
}

function errorIn(message: Readonly<Record<string, unknown>>): VenueMessage {
  const error = message["error"] ?? message;
  const text = member(error, "msg");
  const reason = typeof text === "string" ? text : "a request was refused without a reason";
  if (/too many/i.test(reason)) return { type: "throttled", reason };
  return { type: "unavailable", reason: `Binance answered with an error: ${reason}` };
}
