import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import type { Asset } from "../canonical/asset.ts";
import { compareBytes } from "../canonical/compare.ts";
import { type Decimal, formatDecimal, parseDecimal } from "../canonical/decimal.ts";
import {
  buildRegistry,
  differingSources,
  REGISTRY_VERSION,
  type Registry,
  type SourceOverride,
} from "../sources/registry.ts";
import { type Aliases, closeAliases, DEFAULT_ALIASES, DEFAULT_PEGS, type Pegs } from "./aliases.ts";
import { type Chain, chainOf, type TriangulationSettings } from "./chain.ts";

/** How the outlier filter measures spread: by the standard deviation, or by the median absolute deviation. */
export type OutlierMethod = "sigma" | "mad";

/** What becomes of a value whose USD volume cannot be known. */
export type UnknownVolume = "publish" | "refuse";

/** The settings that can change a published figure, as an operator writes them. */
export interface PolicySettings {
  readonly disable_class_filter: boolean;
  readonly enable_stablecoin_fiat_proxy: boolean;
  readonly outlier_method: OutlierMethod;
  readonly outlier_sigma_threshold: number;
  /** Per cent; 0 is off. */
  readonly venue_deviation_pct: number;
  /** 0 to 1; 0 is off. */
  readonly max_source_share: number;
  readonly min_usd_volume: number;
  readonly min_usd_volume_unknown: UnknownVolume;
  /** Names of one asset, as declared; replaces the default of the same key. */
  readonly aliases: ReadonlyMap<Asset, readonly Asset[]>;
  /** What the operator declares pegged, beside the built-in pegs. */
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
  venue_deviation_pct: 0,
  max_source_share: 0,
  min_usd_volume: 10_000,
  min_usd_volume_unknown: "publish",
  aliases: DEFAULT_ALIASES,
  pegs: new Map(),
  triangulation_enabled: true,
  triangulations: [],
  max_hops: 3,
  sources: [],
};

/** The rules that turn trades into a value. Two policies with the same `id` give the same bytes for the same trades. */
export interface Policy {
  readonly id: string;
  readonly registry: Registry;
  readonly classFilter: boolean;
  readonly stablecoinProxy: boolean;
  readonly outlierMethod: OutlierMethod;
  /** k of the outlier filter, in standard deviations or what estimates them; 0 is off. */
  readonly outlierSigma: Decimal;
  /** How far a venue's own VWAP may lie from the venues' median, in per cent of it; 0 is off. */
  readonly venueDeviationPct: Decimal;
  /** The most that one venue may make of a price, 0 to 1; 0 is off. */
  readonly maxSourceShare: Decimal;
  readonly minUsdVolume: Decimal;
  readonly unknownVolume: UnknownVolume;
  readonly aliases: Aliases;
  readonly pegs: Pegs;
  readonly triangulation: boolean;
  /** By {@link Chain.target}. */
  readonly chains: ReadonlyMap<string, Chain>;
  /** Legs of a route that is found. */
  readonly maxHops: number;
}

/** @throws InputError where a configured chain does not lead from its target's base to its quote */
export function makePolicy(settings: PolicySettings): Policy {
  const aliases = closeAliases(settings.aliases);
  const chains = settings.triangulations.map((triangulation) => chainOf(triangulation, aliases));
  const policy = {
    registry: buildRegistry(settings.sources),
    classFilter: !settings.disable_class_filter,
    stablecoinProxy: settings.enable_stablecoin_fiat_proxy,
    outlierMethod: settings.outlier_method,
    outlierSigma: parseDecimal(String(settings.outlier_sigma_threshold)),
    venueDeviationPct: parseDecimal(String(settings.venue_deviation_pct)),
    maxSourceShare: parseDecimal(String(settings.max_source_share)),
    minUsdVolume: parseDecimal(String(settings.min_usd_volume)),
    unknownVolume: settings.min_usd_volume_unknown,
    aliases,
    pegs: new Map([...DEFAULT_PEGS, ...settings.pegs]),
    triangulation: settings.triangulation_enabled,
    chains: new Map(chains.map((chain) => [chain.target, chain])),
    maxHops: settings.max_hops,
  };
  return { ...policy, id: policyId(policy) };
}

/**
 * The first 12 hex digits of SHA-256 over the canonical JSON (RFC 8785) of every setting that can change a figure.
 * Keys at their default are left out, so that a new setting leaves old ids alone.
 */
function policyId(policy: Omit<Policy, "id">): string {
  const defaults = DEFAULT_POLICY_SETTINGS;
  const sources = differingSources(policy.registry).map((source) => [
    source.name,
    {
      class: source.class,
      subclass: source.subclass,
      include_in_vwap: source.includeInVwap,
      weight: source.weight,
    },
  ]);
  const settings: Record<string, unknown> = {
    registry_version: REGISTRY_VERSION,
    disable_class_filter: unlessDefault(!policy.classFilter, defaults.disable_class_filter),
    enable_stablecoin_fiat_proxy: unlessDefault(policy.stablecoinProxy, defaults.enable_stablecoin_fiat_proxy),
    outlier_method: unlessDefault(policy.outlierMethod, defaults.outlier_method),
    outlier_sigma_threshold: unlessDefault(
      formatDecimal(policy.outlierSigma),
      String(defaults.outlier_sigma_threshold),
    ),
    venue_deviation_pct: unlessDefault(formatDecimal(policy.venueDeviationPct), String(defaults.venue_deviation_pct)),
    max_source_share: unlessDefault(formatDecimal(policy.maxSourceShare), String(defaults.max_source_share)),
    min_usd_volume: unlessDefault(formatDecimal(policy.minUsdVolume), String(defaults.min_usd_volume)),
    min_usd_volume_unknown: unlessDefault(policy.unknownVolume, defaults.min_usd_volume_unknown),
    aliases: unlessDefault(aliasGroups(policy.aliases), aliasGroups(closeAliases(defaults.aliases))),
    pegs: unlessDefault(sortedEntries(policy.pegs), sortedEntries(DEFAULT_PEGS)),
    triangulation_enabled: unlessDefault(policy.triangulation, defaults.triangulation_enabled),
    triangulations: unlessDefault(chainTexts(policy.chains), []),
    max_hops: unlessDefault(policy.maxHops, defaults.max_hops),
    sources: unlessDefault(sources, []),
  };
  const present = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  return createHash("sha256")
    .update(canonicalize(present) ?? "")
    .digest("hex")
    .slice(0, 12);
}

function unlessDefault<T>(value: T, defaultValue: T): T | undefined {
  return canonicalize(value) === canonicalize(defaultValue) ? undefined : value;
}

function aliasGroups(aliases: Aliases): string[] {
  return [...new Set([...aliases.values()].map((names) => names.join(" ")))].sort(compareBytes);
}

function chainTexts(chains: Policy["chains"]): string[] {
  return [...chains.values()].map(({ path }) => path.join(" ")).sort(compareBytes);
}

function sortedEntries(pegs: Pegs): [string, string][] {
  return [...pegs]
    .map(([asset, currency]): [string, string] => [asset, currency])
    .sort(([a], [b]) => compareBytes(a, b));
}
