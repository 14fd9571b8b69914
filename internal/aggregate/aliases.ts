import { type Asset, isFiat } from "../canonical/asset.ts";
import { compareBytes } from "../canonical/compare.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";

/** For every asset with other names: all its names, itself among them, in bytewise order. */
export type Aliases = ReadonlyMap<Asset, readonly Asset[]>;

/** The currency that each stablecoin is pegged to. */
export type Pegs = ReadonlyMap<Asset, Asset>;

const BUILT_IN_PEGS = {
  USDT: "USD",
  USDC: "USD",
  DAI: "USD",
  PYUSD: "USD",
  USDP: "USD",
  EURC: "EUR",
  EUROC: "EUR",
  EUROB: "EUR",
  MXNe: "MXN",
};

/** The pegs that need no declaration. */
export const DEFAULT_PEGS: Pegs = new Map(
  Object.entries(BUILT_IN_PEGS).map(([ticker, code]) => [`crypto:${ticker}` as Asset, `fiat:${code}` as Asset]),
);

/** The alias groups that need no declaration: Stellar's own asset goes by two names. */
export const DEFAULT_ALIASES: ReadonlyMap<Asset, readonly Asset[]> = new Map([
  ["native" as Asset, ["crypto:XLM" as Asset]],
]);

/** The symmetric, transitive closure of "these are names of one asset". */
export function closeAliases(declared: ReadonlyMap<Asset, readonly Asset[]>): Aliases {
  const groups = new Map<Asset, Set<Asset>>();
  for (const [asset, others] of declared) {
    const merged = new Set<Asset>();
    for (const name of [asset, ...others]) {
      for (const member of groups.get(name) ?? [name]) merged.add(member);
    }
    for (const member of merged) groups.set(member, merged);
  }
  const closed = new Map<Asset, readonly Asset[]>();
  for (const [asset, members] of groups) {
    if (members.size > 1) closed.set(asset, [...members].sort(compareBytes));
  }
  return closed;
}

/** All names of an asset, itself among them, in bytewise order. */
export function namesOf(asset: Asset, aliases: Aliases): readonly Asset[] {
  return aliases.get(asset) ?? [asset];
}

/**
 * The one name that stands for an asset whatever name it is written by: the currency among its names, else the first in
 * bytewise order.
 */
export function chiefName(asset: Asset, aliases: Aliases): Asset {
  const names = namesOf(asset, aliases);
  return names.find(isFiat) ?? names[0] ?? asset;
}

/** The currency that stands for an asset 1:1: itself if it is one, or what it or one of its names is pegged to. */
export function currencyOf(asset: Asset, aliases: Aliases, pegs: Pegs): Asset | null {
  const names = namesOf(asset, aliases);
  for (const name of names) {
    if (isFiat(name)) return name;
  }
  for (const name of names) {
    const currency = pegs.get(name);
    if (currency !== undefined) return currency;
  }
  return null;
}

/** One text for all pairs that are aliases of each other. */
export function pairIdentity(pair: Pair, aliases: Aliases): string {
  const [base = pair.base] = namesOf(pair.base, aliases);
  const [quote = pair.quote] = namesOf(pair.quote, aliases);
  return formatPair({ base, quote });
}
