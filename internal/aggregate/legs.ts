import { type Asset, isFiat } from "../canonical/asset.ts";
import { formatDecimal, parseDecimal } from "../canonical/decimal.ts";
import { type Fraction, fraction, fractionOf, ONE, over, roundFraction } from "../canonical/fraction.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import type { PublishedLeg } from "../canonical/published.ts";
import { formatTime } from "../canonical/time.ts";
import type { Computation } from "./compute.ts";
import type { FxRate, FxRates } from "./reader.ts";

/** What legs are priced from, all of one bucket. Both throw what made the reading fail. */
export interface LegReader {
  /** The computation of a pair's own trades. */
  readonly own: (pair: Pair) => Promise<Computation>;
  /** The exchange rates at the bucket's end. */
  readonly fxRates: () => Promise<FxRates>;
}

/** One step on the way from an asset to another, with its exact price. */
export interface Leg {
  readonly price: Fraction;
  /** Of a bucket's trades: null where no rate to USD is known. Undefined for an exchange rate. */
  readonly usdVolume: Fraction | null | undefined;
  /** Of a bucket's trades, in units of `to`; 0 for an exchange rate. */
  readonly volume: Fraction;
  /** An average of the bucket that stands for an exchange rate, for want of one. */
  readonly isFallback: boolean;
  readonly published: PublishedLeg;
}

/** Why a leg has no price. */
export type LegGap = "missing" | "stale";

/**
 * The price of `from` in `to`, both by their chief names. Between two currencies it is the last exchange rate, the same
 * for every window and region; else, and where there is no rate, the VWAP of the bucket. Either is read from the inverted
 * market where need be.
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

/** Whether the pair is of these two, in either direction. */
export function isBetween({ base, quote }: Pair, from: Asset, to: Asset): boolean {
  return (base === from && quote === to) || (base === to && quote === from);
}

/** What one unit of `from`, one of the two currencies, is in the other. */
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
  };
}

async function vwapLeg(reader: LegReader, from: Asset, to: Asset, inverted: boolean): Promise<Leg | null> {
  const { value, exact } = await reader.own(inverted ? { base: to, quote: from } : { base: from, quote: to });
  if (value === null || exact === null) return null;
  const price = inverted ? over(ONE, exact.price) : exact.price;
  return {
    price,
    usdVolume: exact.usdVolume,
    volume: fractionOf(parseDecimal(inverted ? value.base_volume : value.quote_volume)),
    isFallback: false,
    published: {
      ...describe(from, to, price, inverted),
      method: "vwap",
      usd_volume: value.usd_volume,
      trade_count: value.trade_count,
    },
  };
}

function describe(base: Asset, quote: Asset, price: Fraction, inverted: boolean) {
  return { pair: formatPair({ base, quote }), price: formatDecimal(roundFraction(price)), inverted };
}
