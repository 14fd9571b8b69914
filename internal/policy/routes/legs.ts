import { type Asset, isFiat } from "../../canonical/asset.ts";
import { type Decimal, formatDecimal } from "../../canonical/decimal.ts";
import { type Fraction, fraction, fractionOf, ONE, over, roundFraction } from "../../canonical/fraction.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import type { PublishedLeg } from "../../canonical/published.ts";
import { formatTime } from "../../canonical/time.ts";
import type { FxRate, FxRates } from "../fx-rates.ts";

/** A market that can serve as a leg. */
export interface LegMarket {
  readonly price: Fraction;
  /** Null where no USD rate is known. */
  readonly usdVolume: Fraction | null;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly tradeCount: number;
  /**
   * Returns whether the market passes the guard if its volume is worth `usdVolume`; the volume floor is not checked.
   */
  readonly isPublishable: (usdVolume: Fraction | null) => Promise<boolean>;
}

/** The data from which legs are priced, all of one bucket. Both methods reject if reading fails. */
export interface LegReader {
  /** Returns a pair's own market; null where it has no price. */
  readonly market: (pair: Pair) => Promise<LegMarket | null>;
  /** Returns the exchange rates at the bucket's end. */
  readonly fxRates: () => Promise<FxRates>;
}

/** One step of a path from an asset to another, with its unrounded price. */
export interface Leg {
  readonly price: Fraction;
  /** USD volume of the bucket's trades, null where no USD rate is known. Undefined for an exchange rate. */
  readonly usdVolume: Fraction | null | undefined;
  /** Volume of the bucket's trades in units of the leg's second asset; 0 for an exchange rate. */
  readonly volume: Fraction;
  /** Whether the leg is between two currencies but priced by the bucket's VWAP, because there is no exchange rate. */
  readonly isFallback: boolean;
  readonly published: PublishedLeg;
  /** The market whose trades make the price; null for an exchange rate. */
  readonly market: Pair | null;
  readonly isPublishable: LegMarket["isPublishable"];
}

/** Why a leg has no price. */
export type LegGap = "missing" | "stale";

/**
 * Returns the price of `from` in `to`, both primary names. Between two currencies it is the last exchange rate, which
 * is the same for every window; otherwise, or without a rate, the VWAP of the bucket. The inverted market is used where
 * the direct one has no price.
 */
export async function priceLeg(reader: LegReader, from: Asset, to: Asset): Promise<Leg | LegGap> {
  const isFx = isFiat(from) && isFiat(to);
  const rates = isFx ? await reader.fxRates() : null;
  const expired = rates?.expired.find(({ pair }) => isBetween(pair, from, to));
  if (expired !== undefined) throw expired.error;
  const rate = rates?.current.find(({ pair }) => isBetween(pair, from, to));
  if (rate !== undefined) return fxLeg(from, to, rate);
  const leg = (await vwapLeg(reader, from, to, false)) ?? (await vwapLeg(reader, from, to, true));
  if (leg !== null) return { ...leg, isFallback: isFx };
  return rates?.stale.some((pair) => isBetween(pair, from, to)) === true ? "stale" : "missing";
}

/** Returns whether the pair consists of these two assets, in either direction. */
export function isBetween({ base, quote }: Pair, from: Asset, to: Asset): boolean {
  return (base === from && quote === to) || (base === to && quote === from);
}

/** Returns the rate in the direction from `from`: units of the other currency per unit of `from`. */
export function rateFrom({ pair, price }: FxRate, from: Asset): Fraction {
  return pair.base === from ? fractionOf(price) : over(ONE, fractionOf(price));
}

function fxLeg(from: Asset, to: Asset, rate: FxRate): Leg {
  const inverted = rate.pair.base !== from;
  const price = rateFrom(rate, from);
  return {
    price,
    usdVolume: undefined,
    volume: fraction(0n, 1n),
    isFallback: false,
    published: {
      ...describe(from, to, price, inverted),
      method: "fx",
      source: rate.source,
      as_of: formatTime(rate.ts),
    },
    market: null,
    isPublishable: async () => true,
  };
}

async function vwapLeg(reader: LegReader, from: Asset, to: Asset, inverted: boolean): Promise<Leg | null> {
  const pair = inverted ? { base: to, quote: from } : { base: from, quote: to };
  const market = await reader.market(pair);
  if (market === null) return null;
  const price = inverted ? over(ONE, market.price) : market.price;
  return {
    price,
    usdVolume: market.usdVolume,
    volume: fractionOf(inverted ? market.baseVolume : market.quoteVolume),
    isFallback: false,
    published: {
      ...describe(from, to, price, inverted),
      method: "vwap",
      usd_volume: market.usdVolume === null ? null : formatDecimal(roundFraction(market.usdVolume)),
      trade_count: market.tradeCount,
    },
    market: pair,
    isPublishable: market.isPublishable,
  };
}

function describe(base: Asset, quote: Asset, price: Fraction, inverted: boolean) {
  return { pair: formatPair({ base, quote }), price: formatDecimal(roundFraction(price)), inverted };
}
