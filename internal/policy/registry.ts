/** The class of a source. Only exchanges trade; every other class reports prices of other venues. */
export type SourceClass = "exchange" | "aggregator" | "oracle" | "authority_sanity" | "lending" | "router" | "bridge";

/** The kind of exchange. */
export type SourceSubclass = "cex" | "dex" | "fx";

export const SOURCE_CLASSES = [
  "exchange",
  "aggregator",
  "oracle",
  "authority_sanity",
  "lending",
  "router",
  "bridge",
] as const satisfies readonly SourceClass[];
export const SOURCE_SUBCLASSES = ["cex", "dex", "fx"] as const satisfies readonly SourceSubclass[];

/** A venue or feed that trades come from. `weight`, above 0, multiplies its volume in a VWAP. */
export interface Source {
  readonly name: string;
  readonly class: SourceClass;
  readonly subclass: SourceSubclass | null;
  readonly includeInVwap: boolean;
  readonly weight: number;
}

/** Every known source by name, in bytewise order of the names. */
export type Registry = ReadonlyMap<string, Source>;

/** An operator's settings of a source; omitted ones come from the built-in registry or the defaults. */
export interface SourceOverride {
  readonly name: string;
  readonly class?: SourceClass | undefined;
  readonly subclass?: SourceSubclass | undefined;
  readonly include_in_vwap?: boolean | undefined;
  readonly weight?: number | undefined;
}

/**
 * Incremented with every change of the built-in sources, pegs and contracts, and of any rule that can change a figure,
 * so that the `policy` hash of values changes with it.
 */
export const REGISTRY_VERSION = 2;

export const DEFAULT_WEIGHT = 100;

function group(
  names: string,
  sourceClass: SourceClass,
  subclass: SourceSubclass | null,
  includeInVwap: boolean,
): Source[] {
  return names
    .split(" ")
    .map((name) => ({ name, class: sourceClass, subclass, includeInVwap, weight: DEFAULT_WEIGHT }));
}

const BUILT_IN: Registry = byName([
  ...group("sdex soroswap aquarius phoenix comet", "exchange", "dex", true),
  ...group("binance kraken coinbase bitstamp", "exchange", "cex", true),
  ...group("massive polygon-forex exchangeratesapi", "exchange", "fx", true),
  ...group("coingecko coinmarketcap cryptocompare", "aggregator", null, false),
  ...group("reflector-dex reflector-cex reflector-fx redstone band chainlink", "oracle", null, false),
  ...group("ecb", "authority_sanity", null, false),
  ...group("blend", "lending", null, false),
  ...group("soroswap-router defindex", "router", null, false),
  ...group("cctp rozo", "bridge", null, false),
]);

/**
 * Returns the built-in registry with an operator's additions and overrides.
 * By default a new source is an `exchange` that counts in VWAP; a new source of another class does not count.
 */
export function buildRegistry(overrides: readonly SourceOverride[] = []): Registry {
  const sources = new Map(BUILT_IN);
  for (const override of overrides) {
    const known = sources.get(override.name);
    const sourceClass = override.class ?? known?.class ?? "exchange";
    const isExchange = sourceClass === "exchange";
    const keepsClass = known !== undefined && known.class === sourceClass;
    sources.set(override.name, {
      name: override.name,
      class: sourceClass,
      subclass: isExchange ? (override.subclass ?? known?.subclass ?? null) : null,
      includeInVwap: override.include_in_vwap ?? (keepsClass ? known.includeInVwap : isExchange),
      weight: override.weight ?? known?.weight ?? DEFAULT_WEIGHT,
    });
  }
  return byName([...sources.values()]);
}

/** Returns the sources that differ from the built-in registry, in the order of `registry`. */
export function differingSources(registry: Registry): Source[] {
  return [...registry.values()].filter((source) => {
    const known = BUILT_IN.get(source.name);
    return (
      known === undefined ||
      known.class !== source.class ||
      known.subclass !== source.subclass ||
      known.includeInVwap !== source.includeInVwap ||
      known.weight !== source.weight
    );
  });
}

/** Returns the sources of exchange rates between currencies: subclass `fx`, and the European Central Bank. */
export function fxSources(registry: Registry): string[] {
  return [...registry.values()]
    .filter((source) => source.subclass === "fx" || source.name === "ecb")
    .map((source) => source.name);
}

function byName(sources: readonly Source[]): Registry {
  const sorted = [...sources].sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(sorted.map((source) => [source.name, source]));
}
