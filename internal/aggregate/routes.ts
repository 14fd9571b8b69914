import { type Asset, isFiat } from "../canonical/asset.ts";
import { compareBytes } from "../canonical/compare.ts";
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
} from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import { chiefName, currencyOf, namesOf } from "./aliases.ts";
import { isUsd, USD } from "./floor.ts";
import { isBetween, type Leg, type LegReader, priceLeg, rateFrom } from "./legs.ts";
import { once } from "./once.ts";
import type { Policy } from "./policy.ts";
import type { FxRates } from "./reader.ts";
import { percentOf } from "./venues.ts";

/** What routes are looked for in. */
export interface RouteReader extends LegReader {
  /** The pairs, as traded, that may have trades in the bucket; see {@link TradeReader.tradedPairs}. */
  readonly tradedPairs: () => Promise<readonly Pair[]>;
}

const NOTHING: Fraction = fraction(0n, 1n);

/** Which assets have a market with each other. */
type Graph = ReadonlyMap<Asset, ReadonlySet<Asset>>;

interface Route {
  readonly name: string;
  readonly legs: readonly Leg[];
  readonly price: Fraction;
}

/** Of two routes neither is the odd one out. */
const FEWEST_ROUTES = 3;

/**
 * The way from base to quote over the bucket's publishable pairs and exchange rates: the one of the fewest legs, up to
 * `maxHops`; of several the one whose weakest pair has the highest USD volume (exchange rates have none and do not count);
 * then the first by name. Null where there is none. Where there are three or more, those whose price lies further than
 * `routeDeviationPct` from the median are not taken: a wrong price also raises the USD volume of its own market. A single
 * leg is the inverted market. A pair on the way must be worth the volume floor for certain, by a rate or by the prices of
 * the route itself, even where the policy would publish it with an unknown volume.
 *
 * It leads only through currencies, tickers and assets that the policy knows by alias or peg: a token that anybody can
 * issue must not be able to stand in the middle of a price.
 */
export async function findRoute(reader: RouteReader, policy: Policy, pair: Pair): Promise<readonly Leg[] | null> {
  const [base, quote] = [chiefName(pair.base, policy.aliases), chiefName(pair.quote, policy.aliases)];
  const graph = await readGraph(reader, policy, [base, quote]);
  const hopsFrom = distances(graph, base);
  const usdRate = usdRates(await reader.fxRates(), policy);
  const price = once(
    (from: Asset, to: Asset) => `${from} ${to}`,
    (from: Asset, to: Asset) => priceLeg(reader, from, to),
  );

  /** The routes of so many legs that end with `path` and `legs`. Each leg is asked for once, those into the quote first. */
  async function* routesTo(path: readonly Asset[], legs: readonly Leg[], hops: number): AsyncGenerator<Route> {
    const head = path[0] ?? quote;
    if (hops === 0) {
      if (head === base) yield routeOf(path, valued(legs, path, usdRate));
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
  return bestOf(nearTheOthers(routes, policy))?.legs ?? null;
}

/**
 * The legs with USD volumes where their own quote has no rate, if every market on the way is worth the floor by them and
 * publishable by itself; else null.
 */
export async function publishableLegs(
  reader: LegReader,
  policy: Policy,
  path: readonly Asset[],
  legs: readonly Leg[],
): Promise<readonly Leg[] | null> {
  const route = routeOf(path, valued(legs, path, usdRates(await reader.fxRates(), policy)));
  return (await isPublishable(route, policy)) ? route.legs : null;
}

/** The price that legs lead to. */
export function priceOfLegs(legs: readonly Leg[]): Fraction {
  return legs.map(({ price }) => price).reduce(times, ONE);
}

function routeOf(path: readonly Asset[], legs: readonly Leg[]): Route {
  return { name: path.join(" "), legs, price: priceOfLegs(legs) };
}

/** A single exchange rate is no route: what is asked for is a price that somebody trades at. */
function isRoute({ legs }: Route): boolean {
  return legs.length > 1 || legs.every(({ usdVolume }) => usdVolume !== undefined);
}

function nearTheOthers(routes: readonly Route[], { routeDeviationPct }: Policy): readonly Route[] {
  if (routeDeviationPct.isZero() || routes.length < FEWEST_ROUTES) return routes;
  const median = medianOf(routes.map(({ price }) => price));
  const reach = percentOf(median, fractionOf(routeDeviationPct));
  return routes.filter(({ price }) => compareFractions(distance(price, median), reach) <= 0);
}

function bestOf(routes: readonly Route[]): Route | null {
  const [first = null] = routes;
  return routes.reduce((best, route) => (best === null || isBetter(route, best) ? route : best), first);
}

/** The assets whose markets are asked for by name, beside currencies and tickers. */
export function namedAssets({ aliases, pegs }: Policy, ends: readonly Pair[]): Asset[] {
  const atEnds = ends.flatMap(({ base, quote }) => [...namesOf(base, aliases), ...namesOf(quote, aliases)]);
  // `native` may lead whether or not it has another name.
  return [...new Set(["native" as Asset, ...aliases.groups.keys(), ...pegs.keys(), ...atEnds])].filter(
    (asset) => !isCurrencyOrTicker(asset),
  );
}

/** Nobody can issue these; classic assets and contracts anybody can. */
function isCurrencyOrTicker(asset: Asset): boolean {
  return isFiat(asset) || asset.startsWith("crypto:");
}

async function readGraph(reader: RouteReader, policy: Policy, ends: readonly Asset[]): Promise<Graph> {
  const { aliases, pegs, stablecoinProxy } = policy;
  const graph = new Map<Asset, Set<Asset>>();
  const mayLead = (asset: Asset): boolean =>
    ends.includes(asset) ||
    isCurrencyOrTicker(asset) ||
    asset === "native" ||
    aliases.groups.has(asset) ||
    pegs.has(asset);
  const add = (one: Asset, other: Asset): void => {
    const [a, b] = [chiefName(one, aliases), chiefName(other, aliases)];
    if (a === b || !mayLead(a) || !mayLead(b)) return;
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
  // A route that would need a rate which cannot be known any more fails: another one would not be what others find.
  for (const { pair } of [...current, ...expired]) add(pair.base, pair.quote);
  return graph;
}

/** How many hops each asset is from one. */
function distances(graph: Graph, from: Asset): ReadonlyMap<Asset, number> {
  const hops = new Map([[from, 0]]);
  for (const [asset, far] of hops) {
    for (const next of graph.get(asset) ?? []) if (!hops.has(next)) hops.set(next, far + 1);
  }
  return hops;
}

/** USD per unit of an asset that is a currency or pegged to one; null where that is not known. */
type UsdRate = (asset: Asset) => Fraction | null;

function usdRates({ current, expired }: FxRates, { aliases, pegs }: Policy): UsdRate {
  return (asset) => {
    const currency = currencyOf(asset, aliases, pegs);
    if (currency === null) return null;
    if (isUsd(currency)) return ONE;
    const lost = expired.find(({ pair }) => isBetween(pair, currency, USD));
    if (lost !== undefined) throw lost.error;
    const rate = current.find(({ pair }) => isBetween(pair, currency, USD));
    return rate === undefined ? null : rateFrom(rate, currency);
  };
}

/**
 * The legs with USD volumes where their own quote has no rate: by the rate of the asset that a leg leads from, or by the
 * prices of the legs behind it.
 */
function valued(legs: readonly Leg[], path: readonly Asset[], usdRate: UsdRate): Leg[] {
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

/** Whether every pair on the way is publishable, worth the floor for certain: a staged market must not be cheaper. */
async function isPublishable({ legs }: Route, policy: Policy): Promise<boolean> {
  const floor = fractionOf(policy.minUsdVolume);
  const isWorthIt = ({ usdVolume }: Leg): boolean =>
    usdVolume === undefined || (usdVolume !== null && compareFractions(usdVolume, floor) >= 0);
  if (!policy.minUsdVolume.isZero() && !legs.every(isWorthIt)) return false;
  const judged = await Promise.all(legs.map((leg) => leg.isPublishable(leg.usdVolume ?? null)));
  return judged.every(Boolean);
}

/** Whether no route with the leg can pass, whatever else is on it. */
function isBelowFloor({ usdVolume }: Leg, { minUsdVolume }: Policy): boolean {
  return usdVolume != null && compareFractions(usdVolume, fractionOf(minUsdVolume)) < 0;
}

function isBetter(route: Route, than: Route): boolean {
  if (route.legs.length !== than.legs.length) return route.legs.length < than.legs.length;
  const [mine, theirs] = [weakestVolume(route.legs), weakestVolume(than.legs)];
  if (mine === null || theirs === null) {
    return mine === theirs ? compareBytes(route.name, than.name) < 0 : mine === null;
  }
  const difference = compareFractions(mine, theirs);
  return difference === 0 ? compareBytes(route.name, than.name) < 0 : difference > 0;
}

/** The least USD volume of the legs that have one; null where all are exchange rates, which nothing bounds. */
function weakestVolume(legs: readonly Leg[]): Fraction | null {
  const volumes = legs.flatMap(({ usdVolume }) => (usdVolume === undefined ? [] : [usdVolume ?? NOTHING]));
  return volumes.length === 0 ? null : volumes.reduce((a, b) => (compareFractions(b, a) < 0 ? b : a));
}
