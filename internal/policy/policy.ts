import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import type { Asset } from "../canonical/asset.ts";
import { compareBytes } from "../canonical/compare.ts";
import { type Decimal, formatDecimal, parseDecimal } from "../canonical/decimal.ts";
import { type Aliases, closeAliases, DEFAULT_ALIASES, defaultPegs, type Pegs } from "./aliases.ts";
import { buildRegistry, differingSources, REGISTRY_VERSION, type Registry, type SourceOverride } from "./registry.ts";
import { type Chain, chainOf, type TriangulationSettings } from "./routes/chain.ts";

/** How the outlier filter measures spread: standard deviation or median absolute deviation. */
export type OutlierMethod = "sigma" | "mad";

/** What to do with a value whose USD volume is unknown. */
export type UnknownVolume = "publish" | "refuse";

/** The settings that can change a published figure, with their names and types in the configuration. */
export interface PolicySettings {
  readonly disable_class_filter: boolean;
  readonly enable_stablecoin_fiat_proxy: boolean;
  readonly outlier_method: OutlierMethod;
  readonly outlier_sigma_threshold: number;
  /** Per cent; 0 is off. */
  readonly venue_deviation_pct: number;
  /** 0 to 1; 0 is off. */
  readonly max_source_share: number;
  /** Share of the quote volume, 0 to 1; see {@link Policy.maxDroppedShare}. 1 is off. */
  readonly outlier_max_dropped_share: number;
  readonly min_sources: number;
  readonly min_usd_volume: number;
  readonly min_usd_volume_unknown: UnknownVolume;
  /** 0 is off. */
  readonly guard_factor: number;
  readonly guard_confirmations: number;
  readonly guard_hold_seconds: number;
  /** Per cent. */
  readonly peg_tolerance_pct: number;
  /** Per cent; 0 is off. */
  readonly route_deviation_pct: number;
  readonly twap_carry_seconds: number;
  /** `public`, `testnet` or the passphrase of another Stellar network. */
  readonly stellar_network: string;
  /** Aliases by asset, as declared; an entry replaces the default of the same key. */
  readonly aliases: ReadonlyMap<Asset, readonly Asset[]>;
  /** Pegs that the operator declares, in addition to the built-in ones. */
  readonly pegs: Pegs;
  readonly triangulation_enabled: boolean;
  readonly triangulations: readonly TriangulationSettings[];
  readonly max_hops: number;
  readonly sources: readonly SourceOverride[];
}

export const DEFAULT_POLICY_SETTINGS: PolicySettings = {
  disable_class_filter: false,
  enable_stablecoin_fiat_proxy: false,
  outlier_method: "sigma",
  outlier_sigma_threshold: 4,
  venue_deviation_pct: 10,
  max_source_share: 0,
  outlier_max_dropped_share: 0.5,
  min_sources: 1,
  min_usd_volume: 10_000,
  min_usd_volume_unknown: "refuse",
  guard_factor: 2,
  guard_confirmations: 2,
  guard_hold_seconds: 3600,
  peg_tolerance_pct: 2,
  route_deviation_pct: 10,
  twap_carry_seconds: 3600,
  stellar_network: "public",
  aliases: DEFAULT_ALIASES,
  pegs: new Map(),
  triangulation_enabled: true,
  triangulations: [],
  max_hops: 3,
  sources: [],
};

/** The rules that turn trades into values. Policies with the same `id` give the same bytes for the same trades. */
export interface Policy {
  readonly id: string;
  readonly registry: Registry;
  readonly classFilter: boolean;
  readonly stablecoinProxy: boolean;
  readonly outlierMethod: OutlierMethod;
  /** The outlier filter's k, in (estimated) standard deviations; 0 is off. */
  readonly outlierSigma: Decimal;
  /** Maximum distance of a venue's own VWAP from the venues' median, in per cent of the median; 0 is off. */
  readonly venueDeviationPct: Decimal;
  /** Maximum share of one venue in a price's quote volume, 0 to 1; 0 is off. */
  readonly maxSourceShare: Decimal;
  /**
   * Maximum share of the quote volume, 0 to 1, that the outlier filter may drop with statistics by trade count; above
   * it, the filter uses statistics weighted by quote volume. 1 is off.
   */
  readonly maxDroppedShare: Decimal;
  /** Minimum number of sources of a published value. */
  readonly minSources: number;
  readonly minUsdVolume: Decimal;
  readonly unknownVolume: UnknownVolume;
  /** Maximum ratio between a value and the recent price, either way, without a confirmation; 0 is off. */
  readonly guardFactor: Decimal;
  /** Number of sources that must confirm a value which the guard would withhold. */
  readonly guardConfirmations: number;
  /** How long the last good value is held while the guard withholds the current one. */
  readonly guardHoldSeconds: number;
  /** Maximum distance of a pegged asset's own market from 1 in the bucket, in per cent. */
  readonly pegTolerancePct: Decimal;
  /** Maximum distance of a route's price from the routes' median, in per cent of the median; 0 is off. */
  readonly routeDeviationPct: Decimal;
  /** Maximum age, at the bucket's start, of the earlier trade whose price a TWAP starts with. */
  readonly twapCarrySeconds: number;
  readonly stellarNetwork: string;
  readonly aliases: Aliases;
  readonly pegs: Pegs;
  readonly triangulation: boolean;
  /** By {@link Chain.target}. */
  readonly chains: ReadonlyMap<string, Chain>;
  /** Maximum number of legs of a route. */
  readonly maxHops: number;
}

/**
 * Makes a policy from settings.
 * @throws InputError where a configured chain does not lead from its target's base to its quote
 */
export function makePolicy(settings: PolicySettings): Policy {
  const policy = readPolicy(settings);
  return { ...policy, id: policyId(policy) };
}

function readPolicy(settings: PolicySettings): Omit<Policy, "id"> {
  const pegs: Pegs = new Map([...defaultPegs(settings.stellar_network), ...settings.pegs]);
  const aliases = closeAliases(settings.aliases, settings.stellar_network, [...pegs.keys()]);
  const chains = settings.triangulations.map((triangulation) => chainOf(triangulation, aliases));
  return {
    registry: buildRegistry(settings.sources),
    classFilter: !settings.disable_class_filter,
    stablecoinProxy: settings.enable_stablecoin_fiat_proxy,
    outlierMethod: settings.outlier_method,
    outlierSigma: parseDecimal(String(settings.outlier_sigma_threshold)),
    venueDeviationPct: parseDecimal(String(settings.venue_deviation_pct)),
    maxSourceShare: parseDecimal(String(settings.max_source_share)),
    maxDroppedShare: parseDecimal(String(settings.outlier_max_dropped_share)),
    minSources: settings.min_sources,
    minUsdVolume: parseDecimal(String(settings.min_usd_volume)),
    unknownVolume: settings.min_usd_volume_unknown,
    guardFactor: parseDecimal(String(settings.guard_factor)),
    guardConfirmations: settings.guard_confirmations,
    guardHoldSeconds: settings.guard_hold_seconds,
    pegTolerancePct: parseDecimal(String(settings.peg_tolerance_pct)),
    routeDeviationPct: parseDecimal(String(settings.route_deviation_pct)),
    twapCarrySeconds: settings.twap_carry_seconds,
    stellarNetwork: settings.stellar_network,
    aliases,
    pegs,
    triangulation: settings.triangulation_enabled,
    chains: new Map(chains.map((chain) => [chain.target, chain])),
    maxHops: settings.max_hops,
  };
}

/**
 * Returns the policy document that is hashed: every setting that can change a figure, by its configuration key. Keys at
 * their default are omitted, so that adding a setting does not change the ids of existing policies.
 */
export function policyDocument(policy: Omit<Policy, "id">): Record<string, unknown> {
  const sources = differingSources(policy.registry).map((source) => [
    source.name,
    {
      class: source.class,
      subclass: source.subclass,
      include_in_vwap: source.includeInVwap,
      weight: source.weight,
    },
  ]);
  const pegs = sortedEntries(policy.pegs);
  const settings: Record<string, unknown> = {
    ...plainSettings(policy),
    aliases: policy.aliases.declared,
    pegs,
    triangulations: chainTexts(policy.chains),
    sources,
  };
  const defaults: Record<string, unknown> = {
    ...DEFAULTS,
    pegs: sortedEntries(defaultPegs(policy.stellarNetwork)),
  };
  const differing = Object.entries(settings).filter(
    ([key, value]) => canonicalize(value) !== canonicalize(defaults[key]),
  );
  return { registry_version: REGISTRY_VERSION, ...Object.fromEntries(differing) };
}

/** Returns the text that is hashed for the policy's id: the policy document as canonical JSON (RFC 8785). */
export function policyText(policy: Omit<Policy, "id">): string {
  return canonicalize(policyDocument(policy)) ?? "";
}

type PlainSetting = Exclude<keyof PolicySettings, "aliases" | "pegs" | "triangulations" | "sources">;

/** Returns the scalar settings by configuration key; decimals are strings. */
export function plainSettings(policy: Omit<Policy, "id">): Readonly<Record<PlainSetting, string | number | boolean>> {
  return {
    disable_class_filter: !policy.classFilter,
    enable_stablecoin_fiat_proxy: policy.stablecoinProxy,
    peg_tolerance_pct: formatDecimal(policy.pegTolerancePct),
    venue_deviation_pct: formatDecimal(policy.venueDeviationPct),
    outlier_method: policy.outlierMethod,
    outlier_sigma_threshold: formatDecimal(policy.outlierSigma),
    outlier_max_dropped_share: formatDecimal(policy.maxDroppedShare),
    max_source_share: formatDecimal(policy.maxSourceShare),
    min_sources: policy.minSources,
    min_usd_volume: formatDecimal(policy.minUsdVolume),
    min_usd_volume_unknown: policy.unknownVolume,
    guard_factor: formatDecimal(policy.guardFactor),
    guard_confirmations: policy.guardConfirmations,
    guard_hold_seconds: policy.guardHoldSeconds,
    twap_carry_seconds: policy.twapCarrySeconds,
    triangulation_enabled: policy.triangulation,
    max_hops: policy.maxHops,
    route_deviation_pct: formatDecimal(policy.routeDeviationPct),
    stellar_network: policy.stellarNetwork,
  };
}

/** Returns the first 12 hex digits of SHA-256 over the policy's text. */
function policyId(policy: Omit<Policy, "id">): string {
  return createHash("sha256").update(policyText(policy)).digest("hex").slice(0, 12);
}

function chainTexts(chains: Policy["chains"]): string[] {
  return [...chains.values()].map(({ path }) => path.join(" ")).sort(compareBytes);
}

function sortedEntries(pegs: Pegs): [string, string][] {
  return [...pegs]
    .map(([asset, currency]): [string, string] => [asset, currency])
    .sort(([a], [b]) => compareBytes(a, b));
}

const DEFAULTS: Readonly<Record<string, unknown>> = defaultSettings();

function defaultSettings(): Record<string, unknown> {
  const policy = readPolicy(DEFAULT_POLICY_SETTINGS);
  return { ...plainSettings(policy), aliases: policy.aliases.declared, triangulations: [], sources: [] };
}
