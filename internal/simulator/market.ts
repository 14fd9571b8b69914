import { type Decimal, parseDecimal } from "../canonical/decimal.ts";
import { ceilTo, floorTo, type Micros, seconds } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";
import { MARKETS, type Market } from "./markets.ts";
import { usdPrice } from "./mid-price.ts";
import { approximateExp, approximateNormal, hash, uniform } from "./noise.ts";

/** `full`: every trade. `thin`: only the block trades, about 1 in 20 trades and half of the volume. */
export type Density = "full" | "thin";

// The purpose of a random number, so that no two properties of a trade share one.
const DRAW = {
  moment: 1,
  price: 2,
  size: 3,
  block: 4,
  fatFingerSlot: 5,
  fatFingerFactor: 6,
  fatFingerSide: 7,
} as const;

const FAT_FINGER_SECONDS = 600;

/**
 * Returns the trades of every simulated market with `from <= ts < to`, in time order. They depend only on the integer
 * seed: adjacent intervals together give the same trades as their union. The thin trades are a subset of the full ones.
 */
export function tradesBetween(seed: number, from: Micros, to: Micros, density: Density = "full"): TradeRow[] {
  const rows = MARKETS.flatMap((market) => marketTrades(seed, market, from, to, density));
  return rows.sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0));
}

function marketTrades(seed: number, market: Market, from: Micros, to: Micros, density: Density): TradeRow[] {
  const slotsPerStep = density === "full" ? 1 : market.slotsPerBlock;
  const step = seconds(market.slot * slotsPerStep);
  const end = Number(ceilTo(to, step) / step);
  const rows: TradeRow[] = [];
  for (let index = Number(floorTo(from, step) / step); index < end; index++) {
    const slot = density === "full" ? index : blockSlot(seed, market, index);
    const ts = momentOf(seed, market, slot);
    if (from <= ts && ts < to) rows.push(tradeAt(seed, market, slot, ts));
  }
  return rows;
}

function momentOf(seed: number, market: Market, slot: number): Micros {
  const length = seconds(market.slot);
  return BigInt(slot) * length + BigInt(Math.floor(uniform(seed, market.key, slot, DRAW.moment) * Number(length)));
}

/** Returns the slot of a run that holds the run's block trade. */
function blockSlot(seed: number, { key, slotsPerBlock }: Market, run: number): number {
  return run * slotsPerBlock + (hash(seed, key, run, DRAW.block) % slotsPerBlock);
}

function tradeAt(seed: number, market: Market, slot: number, ts: Micros): TradeRow {
  const { source, base, quote, key, spread } = market;
  const isBlock = slot === blockSlot(seed, market, Math.floor(slot / market.slotsPerBlock));
  const baseUsd = usdPrice(seed, base, ts);
  const mid = baseUsd / usdPrice(seed, quote, ts);
  const spreadFactor = 1 + spread * (2 * uniform(seed, key, slot, DRAW.price) - 1);
  const typoFactor = isBlock ? 1 : fatFingerFactor(seed, market, slot);
  const price = rounded(mid * spreadFactor * typoFactor, market.priceDecimals);
  const baseAmount = baseAmountOf(seed, market, slot, isBlock, baseUsd);
  const product = price.times(baseAmount);
  const quoteAmount = market.quoteDecimals === null ? product : product.toDecimalPlaces(market.quoteDecimals);
  return { base, quote, ts, source, tradeId: `sim-${slot}`, baseAmount, quoteAmount };
}

/** A block is worth about as much as the other trades of its run, so that thinning halves a market's volume. */
function baseAmountOf(seed: number, market: Market, slot: number, isBlock: boolean, baseUsd: number): Decimal {
  const { size, key, slotsPerBlock } = market;
  if (size === "one unit") return rounded(1, 0);
  const usd = isBlock ? size.usd * slotsPerBlock : size.usd;
  const deviation = isBlock ? 0.3 : 0.8;
  return rounded(
    (usd * approximateExp(deviation * approximateNormal(seed, key, slot, DRAW.size))) / baseUsd,
    size.decimals,
  );
}

/** Returns 1, or for one mistyped price per ten minutes a factor of 3 to 10 or its reciprocal. */
function fatFingerFactor(seed: number, market: Market, slot: number): number {
  if (!market.fatFingers) return 1;
  const slots = FAT_FINGER_SECONDS / market.slot;
  const run = Math.floor(slot / slots);
  // In the middle half of the ten minutes, because two in one 5-minute window would hide each other from the filter.
  const mistyped =
    run * slots + Math.ceil(slots / 4) + (hash(seed, market.key, run, DRAW.fatFingerSlot) % Math.floor(slots / 2));
  if (slot !== mistyped) return 1;
  const factor = 3 + 7 * uniform(seed, market.key, run, DRAW.fatFingerFactor);
  return uniform(seed, market.key, run, DRAW.fatFingerSide) < 0.5 ? factor : 1 / factor;
}

function rounded(value: number, decimals: number): Decimal {
  return parseDecimal(`${Math.round(value * Number(`1e${decimals}`))}e-${decimals}`);
}
