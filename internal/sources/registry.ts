/** What a source is. Only exchanges trade; every other class reports prices that come from elsewhere. */
export type SourceClass = "exchange" | "aggregator" | "oracle" | "authority_sanity" | "lending" | "router" | "bridge";

/** What kind of exchange a source is. */
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

/** A venue or feed that trades come from. `weight`, above 0, is a factor of its volume in a VWAP. */
export interface Source {
  readonly name: string;
  readonly class: SourceClass;
  readonly subclass: SourceSubclass | null;
  readonly includeInVwap: boolean;
  readonly weight: number;
}

/** Every known source by name, in bytewise order of the names. */
export type Registry = ReadonlyMap<string, Source>;

/** What an operator says of a source; what is left out comes from the built-in registry or the defaults. */
export interface SourceOverride {
  readonly name: string;
  readonly class?: SourceClass | undefined;
  readonly subclass?: SourceSubclass | undefined;
  readonly include_in_vwap?: boolean | undefined;
  readonly weight?: number | undefined;
}

/**
 * Goes up with every change of the built-in sources, pegs and contracts, and of a rule that can change a figure, so that the
 * `policy` of a value tells them apart.
 */
export const REGISTRY_VERSION = 2;

export const DEFAULT_WEIGHT = 100;

/** What a source's name looks like; the database holds trades to the same pattern. */
export const SOURCE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

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
 * The built-in registry with an operator's additions and overrides.
 * A source new to the registry is an `exchange` in VWAP unless told otherwise; one of another class is not in VWAP.
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

/** The sources of `registry` that differ from the built-in registry, in order. */
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

/** The sources whose quotes are reference rates between currencies: subclass `fx`, and the central bank's. */
export function fxSources(registry: Registry): string[] {
  return [...registry.values()]
    .filter((source) => source.subclass === "fx" || source.name === "ecb")
    .map((source) => source.name);
}

function byName(sources: readonly Source[]): Registry {
  const sorted = [...sources].sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(sorted.map((source) => [source.name, source]));
}
