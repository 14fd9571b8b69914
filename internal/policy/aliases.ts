import { type Asset, isContract, isFiat } from "../canonical/asset.ts";
import { compareBytes } from "../canonical/compare.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { contractOf, networkPassphrase } from "../canonical/stellar-contract.ts";

/** The alias groups: which names belong to the same asset. */
export interface Aliases {
  /** For every asset that has aliases: all its names, including itself, in bytewise order. */
  readonly groups: ReadonlyMap<Asset, readonly Asset[]>;
  /** The declared groups, without contracts: each group's names joined by spaces, in bytewise order. */
  readonly declared: readonly string[];
  /** Classic assets by contract, for contracts in none of the groups; see `resolveContracts`. */
  readonly contracts: ReadonlyMap<Asset, Asset>;
  /** The passphrase of the Stellar network that contract ids are derived for. */
  readonly network: string;
}

/** The currency that each stablecoin is pegged to. */
export type Pegs = ReadonlyMap<Asset, Asset>;

const TICKER_PEGS = {
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

/** Circle's classic assets on Stellar's public network; their contracts are aliases of them. */
const PUBLIC_PEGS = {
  "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN": "USD",
  "EURC-GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2": "EUR",
};

/** Returns the built-in pegs; `network` is `public`, `testnet` or a passphrase. */
export function defaultPegs(network: string): Pegs {
  const tickers = Object.entries(TICKER_PEGS).map(([ticker, code]) => [`crypto:${ticker}`, code] as const);
  const isPublic = networkPassphrase(network) === networkPassphrase("public");
  const issued = isPublic ? Object.entries(PUBLIC_PEGS) : [];
  return new Map([...tickers, ...issued].map(([asset, code]) => [asset as Asset, `fiat:${code}` as Asset]));
}

/** The built-in alias groups: Stellar's native asset has two names. */
export const DEFAULT_ALIASES: ReadonlyMap<Asset, readonly Asset[]> = new Map([
  ["native" as Asset, ["crypto:XLM" as Asset]],
]);

/**
 * Returns the symmetric, transitive closure of the declared aliases, extended by the contracts of classic assets.
 * @param network `public`, `testnet` or a passphrase
 * @param known further assets whose contracts become aliases, besides the declared ones and `native`
 */
export function closeAliases(
  declared: ReadonlyMap<Asset, readonly Asset[]>,
  network = "public",
  known: readonly Asset[] = [],
): Aliases {
  const passphrase = networkPassphrase(network);
  const asDeclared = closure(declared);
  const named = new Set(["native" as Asset, ...asDeclared.keys(), ...known]);
  const contracts = [...named].flatMap((asset) => {
    const contract = contractOf(asset, passphrase);
    return contract === null ? [] : [[asset, [contract]] as const];
  });
  const groups = closure(new Map(contracts), asDeclared);
  const texts = [...new Set([...asDeclared.values()].map((names) => names.join(" ")))].sort(compareBytes);
  return { groups, declared: texts, contracts: new Map(), network: passphrase };
}

function closure(
  declared: ReadonlyMap<Asset, readonly Asset[]>,
  before: ReadonlyMap<Asset, readonly Asset[]> = new Map(),
): Map<Asset, readonly Asset[]> {
  const groups = new Map<Asset, Set<Asset>>();
  for (const [asset, others] of [...before, ...declared]) {
    const merged = new Set<Asset>();
    for (const name of [asset, ...others]) {
      for (const member of groups.get(name) ?? [name]) merged.add(member);
    }
    for (const member of merged) groups.set(member, merged);
  }
  const closed = new Map<Asset, readonly Asset[]>();
  for (const members of new Set(groups.values())) {
    const names = [...members].sort(compareBytes);
    if (names.length > 1) for (const name of names) closed.set(name, names);
  }
  return closed;
}

/** Returns all names of an asset, including itself, in bytewise order. */
export function namesOf(asset: Asset, { groups, contracts, network }: Aliases): readonly Asset[] {
  const group = groups.get(asset);
  if (group !== undefined) return group;
  const other = contractOf(asset, network) ?? contracts.get(asset);
  return other === undefined ? [asset] : [asset, other].sort(compareBytes);
}

/** Returns whether both sides of the pair are names of the same asset. */
export function isSelfPair({ base, quote }: Pair, aliases: Aliases): boolean {
  return identityOf(base, aliases) === identityOf(quote, aliases);
}

/**
 * Returns the same name for all aliases of an asset: the currency among its names, else the first name in bytewise
 * order that is not a contract, else the first contract.
 */
export function primaryName(asset: Asset, aliases: Aliases): Asset {
  const names = namesOf(asset, aliases);
  return names.find(isFiat) ?? names.find((name) => !isContract(name)) ?? names[0] ?? asset;
}

/** Returns the currency that an asset, under any of its names, is or is pegged to 1:1; null where there is none. */
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

/** Returns a key that is the same for all pairs that are aliases of each other. */
export function pairIdentity({ base, quote }: Pair, aliases: Aliases): string {
  return formatPair({ base: identityOf(base, aliases), quote: identityOf(quote, aliases) });
}

/** Prefers the contract: a classic asset gives its contract, but a contract does not give its classic asset. */
function identityOf(asset: Asset, aliases: Aliases): Asset {
  const names = namesOf(asset, aliases);
  return names.find(isContract) ?? names[0] ?? asset;
}
