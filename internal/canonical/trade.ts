import type { Asset } from "./asset.ts";
import type { Decimal } from "./decimal.ts";
import type { Micros } from "./time.ts";

/** A trade as it is stored: in its own market's orientation, amounts in whole units of the asset. */
export interface TradeRow {
  readonly base: Asset;
  readonly quote: Asset;
  readonly ts: Micros;
  readonly source: string;
  /** Unique per market, moment and source. */
  readonly tradeId: string;
  readonly baseAmount: Decimal;
  readonly quoteAmount: Decimal;
}
