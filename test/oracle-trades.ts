import { ONE, type Ratio, total } from "./oracle-numbers.ts";

/** A trade in integers: amounts are multiples of 10⁻³⁰. */
export interface OracleTrade {
  readonly ts: bigint;
  readonly source: string;
  readonly base: bigint;
  readonly quote: bigint;
  /** As traded; null where there is one market only. */
  readonly market?: { readonly base: string; readonly quote: string };
  readonly id?: string;
}

/** A trade's price in 10⁻³⁰, cut. */
export function priceOf({ base, quote }: Pick<OracleTrade, "base" | "quote">): bigint {
  return (quote * ONE) / base;
}

/** 1/base + 1/quote ≤ 1/(1000 units), a unit being 10⁻⁷ on Stellar and 10⁻⁸ elsewhere; sdex is the tests' venue on Stellar. */
export function formsPrice({ source, base, quote, market }: OracleTrade): boolean {
  const isOnLedger = source === "sdex" || [market?.base, market?.quote].some((asset) => asset?.includes(":") === false);
  return base * quote >= (base + quote) * 10n ** (isOnLedger ? 26n : 25n);
}

/** The order of trades. */
export function inOrder(one: OracleTrade, other: OracleTrade): number {
  const keys = ({ source, id = "", market }: OracleTrade) => [
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

/** What each source traded, in the order of the sources. */
export function venuesOf(trades: readonly OracleTrade[]): Venue[] {
  return [...new Set(trades.map(({ source }) => source))].sort().map((source) => {
    const own = trades.filter((trade) => trade.source === source);
    return { source, base: total(own.map(({ base }) => base)), quote: total(own.map(({ quote }) => quote)) };
  });
}

/** Σ quote / Σ base. */
export function volumePrice(volumes: readonly Pick<Venue, "base" | "quote">[]): Ratio {
  return [total(volumes.map(({ quote }) => quote)), total(volumes.map(({ base }) => base))];
}
