import type { Micros } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";

/** A trade as a venue tells it. */
export interface VenueTrade {
  readonly type: "trade";
  /** The market in the venue's words. */
  readonly market: string;
  readonly trade: TradeRow;
  /** The venue's number of the trade, where the numbers of a market leave none out; null where they do. */
  readonly number: bigint | null;
  /** The place after which a stream is resumed; null where the venue has none. */
  readonly cursor: string | null;
}

/**
 * What a venue said, without its words.
 *
 * - `trade`: a trade.
 * - `ignored`: a trade that cannot be stored because an amount is 0; it is counted and has no price.
 * - `subscribed`, `refused`: the answer to a subscription. A refusal lasts: the market does not exist.
 * - `clock`: the venue's time when it sent this. All trades of the market (null: of every market) before it were sent before.
 *   `lastNumber` is the number of the market's last trade; null where it is not told. `cursor` is the place that this time has.
 * - `lost`: the stream cannot be resumed at its cursor; what happened since does not come any more.
 * - `alive`: nothing but a sign of life.
 * - `unavailable`: the venue is in maintenance, or asks for another connection.
 * - `throttled`: the venue asks for fewer requests.
 * - `invalid`: cannot be understood; `market` is null where not even that can be told.
 */
export type VenueMessage =
  | VenueTrade
  | {
      readonly type: "ignored";
      readonly ts: Micros;
      readonly market: string;
      readonly number: bigint | null;
      readonly cursor: string | null;
    }
  | { readonly type: "subscribed"; readonly market: string }
  | { readonly type: "refused"; readonly market: string; readonly reason: string }
  | {
      readonly type: "clock";
      readonly market: string | null;
      readonly time: Micros;
      readonly lastNumber: bigint | null;
      readonly cursor?: string;
    }
  | { readonly type: "lost"; readonly reason: string }
  | { readonly type: "alive" }
  | { readonly type: "unavailable"; readonly reason: string }
  | { readonly type: "throttled"; readonly reason: string }
  | { readonly type: "invalid"; readonly market: string | null; readonly reason: string };
