import { type Asset, isFiat } from "../../canonical/asset.ts";
import { compareBytes } from "../../canonical/compare.ts";
import {
  compareFractions,
  distance,
  type Fraction,
  fraction,
  fractionOf,
  medianOf,
  ONE,
  over,
  times,
} from "../../canonical/fraction.ts";
import type { Pair } from "../../canonical/pair.ts";
import { memoize } from "../../lib/memoize.ts";
import { currencyOf, namesOf, primaryName } from "../aliases.ts";
import { isUsd, USD } from "../floor.ts";
import type { FxRates } from "../fx-rates.ts";
import type { Policy } from "../policy.ts";
import { percentOf } from "../venues.ts";
import { isBetween, type Leg, type LegReader, priceLeg, rateFrom } from "./legs.ts";

/** The data in which routes are searched. */
export interface RouteReader extends LegReader {
  /** Returns the pairs, as traded, that may have trades in the bucket; see {@link TradeReader.tradedPairs}. */
  readonly tradedPairs: () => Promise<readonly Pair[]>;
}

const ZERO: Fraction = fraction(0n, 1n);

/** Adjacency by asset: the assets that it has a market with. */
type Graph = ReadonlyMap<Asset, ReadonlySet<Asset>>;

interface Route {
  readonly name: string;
  readonly legs: readonly Leg[];
  readonly price: Fraction;
}

/** With two routes it cannot be told which of them deviates. */
const MIN_ROUTES = 3;

/**
 * Returns the legs of the best route from base to quote over the bucket's publishable pairs and exchange rates; null
 * where there is none. The best route has the fewest legs, up to `maxHops`; then the highest minimum USD volume of its
 * pairs (exchange rates have no volume and do not count); then the first name in bytewise order. With three or more
 * routes, those whose price is more than `routeDeviationPct` from the median are excluded first, because a wrong price
 * also raises the USD volume of its own market. A route of one leg is the inverted market. Every pair must reach the
 * volume floor, valued by a rate or by the prices of the route itself, even where the policy would publish a value with
 * an unknown volume.
 *
 * A route leads only through currencies, tickers and assets that the policy knows by alias or peg, so that a token
 * which anybody can issue cannot become part of a price.
 */
export async function findRoute(reader: RouteReader, policy: Policy, pair: Pair): Promise<readonly Leg[] | null> {
  const [base, quote] = [primaryName(pair.base, policy.aliases), primaryName(pair.quote, policy.aliases)];
  const graph = await readGraph(reader, policy, [base, quote]);
  const hopsFrom = distances(graph, base);
  const usdRate = usdRates(await reader.fxRates(), policy);
  const price = memoize(
    (from: Asset, to: Asset) => `${from} ${to}`,
    (from: Asset, to: Asset) => priceLeg(reader, from, to),
  );

  /**
   * Yields the routes with `hops` more legs before `path`. It searches backwards from the quote; each leg is priced
   * once.
   */
  async function* routesTo(path: readonly Asset[], legs: readonly Leg[], hops: number): AsyncGenerator<Route> {
    const head = path[0] ?? quote;
    if (hops === 0) {
      if (head === base) yield routeOf(path, withUsdVolumes(legs, path, usdRate));
      return;
    }
    for (const next of graph.get(head) ?? []) {
      if (path.includes(next) || (hopsFrom.get(next) ?? Number.POSITIVE_INFINITY) > hops - 1) continue;
      if ((next === base) !== (hops === 1)) continue;
      const leg = await price(next, head);
      if (typeof leg !== "string" && !isBelowFloor(leg, policy))
        yield* routesTo([next, ...path], [leg, ...legs], hops - 1);
    }
  }

  const routes: Route[] = [];
  for (let hops = 1; hops <= policy.maxHops; hops++) {
    for await (const route of routesTo([quote], [], hops)) {
      if (isRoute(route) && (await isPublishable(route, policy))) routes.push(route);
    }
  }
  return bestOf(withoutDeviatingRoutes(routes, policy))?.legs ?? null;
}

/**
 * Returns the legs of a path, with USD volumes added where the leg's quote has no rate; null unless every market
 * reaches the floor and passes the guard.
 */
export async function publishableLegs(
  reader: LegReader,
  policy: Policy,
  path: readonly Asset[],
  legs: readonly Leg[],
): Promise<readonly Leg[] | null> {
  const route = routeOf(path, withUsdVolumes(legs, path, usdRates(await reader.fxRates(), policy)));
  return (await isPublishable(route, policy)) ? route.legs : null;
}

/** Returns the unrounded product of the legs' prices. */
export function priceOfLegs(legs: readonly Leg[]): Fraction {
  return legs.map(({ price }) => price).reduce(times, ONE);
}

function routeOf(path: readonly Asset[], legs: readonly Leg[]): Route {
  return { name: path.join(" "), legs, price: priceOfLegs(legs) };
}

/** A single exchange rate is not a route, because no trade makes its price. */
function isRoute({ legs }: Route): boolean {
  return legs.length > 1 || legs.every(({ usdVolume }) => usdVolume !== undefined);
}

function withoutDeviatingRoutes(routes: readonly Route[], { routeDeviationPct }: Policy): readonly Route[] {
  if (routeDeviationPct.isZero() || routes.length < MIN_ROUTES) return routes;
  const median = medianOf(routes.map(({ price }) => price));
  const reach = percentOf(median, fractionOf(routeDeviationPct));
  return routes.filter(({ price }) => compareFractions(distance(price, median), reach) <= 0);
}

function bestOf(routes: readonly Route[]): Route | null {
  const [first = null] = routes;
  return routes.reduce((best, route) => (best === null || isBetter(route, best) ? route : best), first);
}

/** Returns the assets that routes may use, besides currencies and tickers. */
export function namedAssets({ aliases, pegs }: Policy, ends: readonly Pair[]): Asset[] {
  const atEnds = ends.flatMap(({ base, quote }) => [...namesOf(base, aliases), ...namesOf(quote, aliases)]);
  // `native` is allowed even if the configuration declares no alias of it.
  return [...new Set(["native" as Asset, ...aliases.groups.keys(), ...pegs.keys(), ...atEnds])].filter(
    (asset) => !isCurrencyOrTicker(asset),
  );
}

/** Currencies and tickers are defined by this program; anybody can issue classic assets and contracts. */
function isCurrencyOrTicker(asset: Asset): boolean {
  return isFiat(asset) || asset.startsWith("crypto:");
}

async function readGraph(reader: RouteReader, policy: Policy, ends: readonly Asset[]): Promise<Graph> {
  const { aliases, pegs, stablecoinProxy } = policy;
  const graph = new Map<Asset, Set<Asset>>();
  const isAllowed = (asset: Asset): boolean =>
    ends.includes(asset) ||
    isCurrencyOrTicker(asset) ||
    asset === "native" ||
    aliases.groups.has(asset) ||
    pegs.has(asset);
  const add = (one: Asset, other: Asset): void => {
    const [a, b] = [primaryName(one, aliases), primaryName(other, aliases)];
    if (a === b || !isAllowed(a) || !isAllowed(b)) return;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      graph.set(from, (graph.get(from) ?? new Set()).add(to));
    }
  };
  for (const { base, quote } of await reader.tradedPairs()) {
    add(base, quote);
    const currencies = stablecoinProxy ? namesOf(quote, aliases).map((name) => pegs.get(name)) : [];
    for (const currency of currencies) if (currency !== undefined) add(base, currency);
  }
  const { current, expired } = await reader.fxRates();
  // Expired rates stay in the graph so that a route which needs one fails. Skipping it would give another price than
  // before.
  for (const { pair } of [...current, ...expired]) add(pair.base, pair.quote);
  return graph;
}

/** Returns the distance of each reachable asset from `from`, in legs (breadth-first search). */
function distances(graph: Graph, from: Asset): ReadonlyMap<Asset, number> {
  const hops = new Map([[from, 0]]);
  for (const [asset, depth] of hops) {
    for (const next of graph.get(asset) ?? []) if (!hops.has(next)) hops.set(next, depth + 1);
  }
  return hops;
}

/** Returns USD per unit of an asset that is a currency or pegged to one; null where unknown. */
type UsdRate = (asset: Asset) => Fraction | null;

function usdRates({ current, expired }: FxRates, { aliases, pegs }: Policy): UsdRate {
  return (asset) => {
    const currency = currencyOf(asset, aliases, pegs);
    if (currency === null) return null;
    if (isUsd(currency)) return ONE;
    const expiredRate = expired.find(({ pair }) => isBetween(pair, currency, USD));
    if (expiredRate !== undefined) throw expiredRate.error;
    const rate = current.find(({ pair }) => isBetween(pair, currency, USD));
    return rate === undefined ? null : rateFrom(rate, currency);
  };
}

/**
 * Adds USD volumes to legs whose quote has no rate: by the rate of the leg's first asset, or by the prices of the legs
 * that follow.
 */
function withUsdVolumes(legs: readonly Leg[], path: readonly Asset[], usdRate: UsdRate): Leg[] {
  let unit = usdRate(path.at(-1) as Asset);
  const backwards = legs.map((leg, index) => ({ leg, from: path[index] as Asset })).reverse();
  return backwards
    .map(({ leg, from }) => {
      const rate = usdRate(from);
      const worth = rate === null ? unit && times(leg.volume, unit) : times(over(leg.volume, leg.price), rate);
      unit = rate ?? (unit && times(unit, leg.price));
      return leg.usdVolume === null ? { ...leg, usdVolume: worth } : leg;
    })
    .reverse();
}

/** Returns whether every pair reaches the floor and passes the guard, so that a route is not easier to manipulate. */
async function isPublishable({ legs }: Route, policy: Policy): Promise<boolean> {
  const floor = fractionOf(policy.minUsdVolume);
  const meetsFloor = ({ usdVolume }: Leg): boolean =>
    usdVolume === undefined || (usdVolume !== null && compareFractions(usdVolume, floor) >= 0);
  if (!policy.minUsdVolume.isZero() && !legs.every(meetsFloor)) return false;
  const checks = await Promise.all(legs.map((leg) => leg.isPublishable(leg.usdVolume ?? null)));
  return checks.every(Boolean);
}

/** Returns whether the leg alone is known to be below the floor, so that no route through it can pass. */
function isBelowFloor({ usdVolume }: Leg, { minUsdVolume }: Policy): boolean {
  return usdVolume != null && compareFractions(usdVolume, fractionOf(minUsdVolume)) < 0;
}

function isBetter(route: Route, than: Route): boolean {
  if (route.legs.length !== than.legs.length) return route.legs.length < than.legs.length;
  const [mine, theirs] = [lowestUsdVolume(route.legs), lowestUsdVolume(than.legs)];
  if (mine === null || theirs === null) {
    return mine === theirs ? compareBytes(route.name, than.name) < 0 : mine === null;
  }
  const difference = compareFractions(mine, theirs);
  return difference === 0 ? compareBytes(route.name, than.name) < 0 : difference > 0;
}

/** Returns the lowest USD volume of the legs; null where all are exchange rates, which have no volume. */
function lowestUsdVolume(legs: readonly Leg[]): Fraction | null {
  const volumes = legs.flatMap(({ usdVolume }) => (usdVolume === undefined ? [] : [usdVolume ?? ZERO]));
  return volumes.length === 0 ? null : volumes.reduce((a, b) => (compareFractions(b, a) < 0 ? b : a));
}
