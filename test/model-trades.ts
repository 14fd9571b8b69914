import { ONE, type Ratio, total } from "./model-numbers.ts";

/** A trade in integers: amounts are multiples of 10⁻³⁰. */
export interface ModelTrade {
  readonly ts: bigint;
  readonly source: string;
  readonly base: bigint;
  readonly quote: bigint;
  /** The stored pair; omitted in tests with a single market. */
  readonly market?: { readonly base: string; readonly quote: string };
  readonly id?: string;
}

/** Returns a trade's price in units of 10⁻³⁰, truncated. */
export function priceOf({ base, quote }: Pick<ModelTrade, "base" | "quote">): bigint {
  return (quote * ONE) / base;
}

/** 1/base + 1/quote ≤ 1/(1000 units); a unit is 10⁻⁷ on Stellar (in tests: sdex) and 10⁻⁸ elsewhere. */
export function formsPrice({ source, base, quote, market }: ModelTrade): boolean {
  const isOnLedger = source === "sdex" || [market?.base, market?.quote].some((asset) => asset?.includes(":") === false);
  return base * quote >= (base + quote) * 10n ** (isOnLedger ? 26n : 25n);
}

/** A comparator of the trade order. */
export function compareTrades(one: ModelTrade, other: ModelTrade): number {
  const keys = ({ source, id = "", market }: ModelTrade) => [
    source,
    String(id.length).padStart(3, "0"),
    id,
    market?.base ?? "",
    market?.quote ?? "",
  ];
  if (one.ts !== other.ts) return one.ts < other.ts ? -1 : 1;
  const [mine, theirs] = [keys(one), keys(other)];
  const first = mine.findIndex((key, index) => key !== theirs[index]);
  return first === -1 ? 0 : (mine[first] ?? "") < (theirs[first] ?? "") ? -1 : 1;
}

export interface Venue {
  readonly source: string;
  readonly base: bigint;
  readonly quote: bigint;
}

/** Returns the volumes of each source, in the order of the sources. */
export function venuesOf(trades: readonly ModelTrade[]): Venue[] {
  return [...new Set(trades.map(({ source }) => source))].sort().map((source) => {
    const own = trades.filter((trade) => trade.source === source);
    return { source, base: total(own.map(({ base }) => base)), quote: total(own.map(({ quote }) => quote)) };
  });
}

/** Returns Σ quote / Σ base. */
export function vwapOf(volumes: readonly Pick<Venue, "base" | "quote">[]): Ratio {
  return [total(volumes.map(({ quote }) => quote)), total(volumes.map(({ base }) => base))];
}
