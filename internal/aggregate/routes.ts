import { type Asset, isFiat } from "../canonical/asset.ts";
import { compareBytes } from "../canonical/compare.ts";
import { compareFractions, type Fraction, fraction } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import { chiefName, namesOf } from "./aliases.ts";
import { type Leg, type LegGap, type LegReader, priceLeg } from "./legs.ts";
import type { Policy } from "./policy.ts";

/** What routes are looked for in. */
export interface RouteReader extends LegReader {
  /** The pairs, as traded, that may have trades in the bucket; see {@link TradeReader.tradedPairs}. */
  readonly tradedPairs: () => Promise<readonly Pair[]>;
}

const NOTHING: Fraction = fraction(0n, 1n);
const SHORTEST_ROUTE = 2;

/** Which assets have a market with each other. */
type Graph = ReadonlyMap<Asset, ReadonlySet<Asset>>;

interface Route {
  readonly name: string;
  readonly legs: readonly Leg[];
}

/**
 * The way from base to quote over the bucket's publishable pairs and exchange rates: the one of the fewest legs, two to
 * `maxHops`; of several the one whose weakest pair has the highest USD volume (an unknown one is the least; exchange rates
 * have none and do not count); then the first by name. Null where there is none.
 *
 * It leads only through currencies, tickers and assets that the policy knows by alias or peg: a token that anybody can
 * issue must not be able to stand in the middle of a price.
 */
export async function findRoute(reader: RouteReader, policy: Policy, pair: Pair): Promise<readonly Leg[] | null> {
  const [base, quote] = [chiefName(pair.base, policy.aliases), chiefName(pair.quote, policy.aliases)];
  const graph = await readGraph(reader, policy, [base, quote]);
  const priced = new Map<string, Promise<Leg | LegGap>>();
  const price = (from: Asset, to: Asset): Promise<Leg | LegGap> => {
    const name = `${from} ${to}`;
    const known = priced.get(name) ?? priceLeg(reader, from, to);
    priced.set(name, known);
    return known;
  };
  for (let hops = SHORTEST_ROUTE; hops <= policy.maxHops; hops++) {
    let best: Route | null = null;
    for (const path of pathsOf(graph, [base], quote, hops)) {
      const legs = await legsOf(path, price);
      const route = legs && { name: path.join(" "), legs };
      if (route !== null && (best === null || isBetter(route, best))) best = route;
    }
    if (best !== null) return best.legs;
  }
  return null;
}

/** The assets whose markets are asked for by name, beside currencies and tickers. */
export function namedAssets({ aliases, pegs }: Policy, ends: readonly Pair[]): Asset[] {
  const atEnds = ends.flatMap(({ base, quote }) => [...namesOf(base, aliases), ...namesOf(quote, aliases)]);
  return [...new Set([...aliases.keys(), ...pegs.keys(), ...atEnds])].filter((asset) => !isCurrencyOrTicker(asset));
}

/** Nobody can issue these; classic assets and contracts anybody can. */
function isCurrencyOrTicker(asset: Asset): boolean {
  return isFiat(asset) || asset.startsWith("crypto:");
}

async function readGraph(reader: RouteReader, policy: Policy, ends: readonly Asset[]): Promise<Graph> {
  const { aliases, pegs, stablecoinProxy } = policy;
  const graph = new Map<Asset, Set<Asset>>();
  const mayLead = (asset: Asset): boolean =>
    ends.includes(asset) || isCurrencyOrTicker(asset) || asset === "native" || aliases.has(asset) || pegs.has(asset);
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
  for (const { pair } of (await reader.fxRates()).current) add(pair.base, pair.quote);
  return graph;
}

/** The ways from the end of `path` to `goal` in so many hops, without coming by an asset twice. */
function* pathsOf(graph: Graph, path: readonly Asset[], goal: Asset, hops: number): Generator<readonly Asset[]> {
  const neighbours = graph.get(path.at(-1) as Asset) ?? new Set();
  if (hops === 1) {
    if (neighbours.has(goal)) yield [...path, goal];
    return;
  }
  for (const next of neighbours) {
    if (next !== goal && !path.includes(next)) yield* pathsOf(graph, [...path, next], goal, hops - 1);
  }
}

async function legsOf(
  path: readonly Asset[],
  price: (from: Asset, to: Asset) => Promise<Leg | LegGap>,
): Promise<Leg[] | null> {
  const legs: Leg[] = [];
  for (const [index, to] of path.slice(1).entries()) {
    const leg = await price(path[index] as Asset, to);
    if (typeof leg === "string") return null;
    legs.push(leg);
  }
  return legs;
}

function isBetter(route: Route, than: Route): boolean {
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
