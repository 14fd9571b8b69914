import { isIPv4 } from "node:net";
import { MOST_CONNECTIONS } from "../obs/most-connections.ts";
import { buildRegistry } from "../sources/registry.ts";
import type { Config } from "./schema.ts";
import { misspeltSource } from "./sources-section.ts";

/** Beyond so many trades in a window an outlier filter that needs them leaves nothing out of most. */
const MANY_TRADES = 1000;

/** The rules that can never act under these settings, or are out of force for many values; those switched off are not. */
export function ineffectiveRules(config: Config): string[] {
  return [
    ...outlierFilter(config),
    ...deviations(config),
    ...guard(config),
    ...fewSources(config),
    ...freshness(config),
    ...chains(config),
    ...proxies(config),
    ...exclusions(config),
    ...requestsInFlight(config),
  ];
}

/** Of n trades none is further than √(n − 1) standard deviations from their mean. */
function outlierFilter({ aggregate: { outlier_method, outlier_sigma_threshold: k } }: Config): string[] {
  const least = Math.ceil(k * k) + 2;
  if (outlier_method === "mad" || least <= MANY_TRADES) return [];
  return [
    `aggregate.outlier_sigma_threshold (${k}) with "sigma" leaves nothing out of a window of fewer than ${least} trades`,
  ];
}

/** What lies below a price lies at most 100 % from it. */
function deviations({ aggregate, divergence }: Config): string[] {
  const low = (key: string, pct: number, what: string): string[] =>
    pct < 100 ? [] : [`${key} (${pct}) is 100 per cent or more: ${what}, however low it is`];
  const { venue_deviation_pct, route_deviation_pct, peg_tolerance_pct } = aggregate;
  const { threshold_pct } = divergence;
  return [
    ...low("aggregate.venue_deviation_pct", venue_deviation_pct, "no venue is left out for its price"),
    ...low("aggregate.route_deviation_pct", route_deviation_pct, "no route is left out for its price"),
    ...low("aggregate.peg_tolerance_pct", peg_tolerance_pct, "no asset is off its peg for its price"),
    ...low("divergence.threshold_pct", threshold_pct, "no median of references makes a warning"),
  ];
}

function guard({ aggregate }: Config): string[] {
  const { guard_factor, guard_confirmations, guard_hold_seconds, min_usd_volume, bucket_seconds } = aggregate;
  if (guard_factor === 0) return [];
  const found: string[] = [];
  if (guard_confirmations === 1) {
    found.push(
      "aggregate.guard_confirmations is 1: a source confirms its own price, so that the guard withholds nothing that one source with min_usd_volume has made",
    );
  }
  if (min_usd_volume === 0) {
    found.push(
      `aggregate.min_usd_volume is 0: ${guard_confirmations} trades of any size, each of another source, pass the guard (guard_confirmations)`,
    );
  }
  if (guard_hold_seconds > 0 && guard_hold_seconds < bucket_seconds) {
    found.push(
      `aggregate.guard_hold_seconds (${guard_hold_seconds}) is shorter than bucket_seconds (${bucket_seconds}): no earlier value is ever held`,
    );
  }
  return found;
}

function fewSources({ aggregate, sources }: Config): string[] {
  if (aggregate.disable_class_filter) return [];
  const count = [...buildRegistry(sources).values()].filter(({ includeInVwap }) => includeInVwap).length;
  const { min_sources, guard_factor, guard_confirmations, venue_deviation_pct, max_source_share } = aggregate;
  if (count === 0) return ["[[sources]] leave no source in the VWAP: nothing is ever published"];
  const counted = `the ${count === 1 ? "one source" : `${count} sources`} in the VWAP`;
  const found: string[] = [];
  if (min_sources > count) {
    found.push(`aggregate.min_sources (${min_sources}) is more than ${counted}: nothing is ever published`);
  }
  if (guard_factor > 0 && guard_confirmations > count) {
    found.push(
      `aggregate.guard_confirmations (${guard_confirmations}) is more than ${counted}: a price that moves by more than guard_factor is never confirmed`,
    );
  }
  if (venue_deviation_pct > 0 && count < 3) {
    found.push(`aggregate.venue_deviation_pct needs three sources or more, and leaves none of ${counted} out`);
  }
  if (max_source_share === 1)
    found.push("aggregate.max_source_share is 1: no venue can make more than the whole price");
  if (max_source_share > 0 && max_source_share * count < 1) {
    found.push(
      `aggregate.max_source_share (${max_source_share}) cannot hold with ${counted}: all of them count alike, whatever they trade`,
    );
  }
  return found;
}

function freshness({ aggregate: { settle_seconds }, api: { price_freshness_seconds } }: Config): string[] {
  if (settle_seconds < price_freshness_seconds) return [];
  return [
    `aggregate.settle_seconds (${settle_seconds}) is no less than api.price_freshness_seconds (${price_freshness_seconds}): a published value is never that fresh, and /v1/price computes each of its answers from the database`,
  ];
}

function chains({ aggregate: { triangulation_enabled, triangulations } }: Config): string[] {
  if (triangulation_enabled || triangulations.length === 0) return [];
  return ["[[aggregate.triangulations]] are not used while aggregate.triangulation_enabled is false"];
}

/** Who names the client may name another with each request. */
function proxies({ api: { rate_limit_per_minute, trusted_proxies } }: Config): string[] {
  const everybody = trusted_proxies.filter(isWide);
  if (rate_limit_per_minute === 0 || everybody.length === 0) return [];
  return [
    `api.trusted_proxies (${everybody.join(", ")}) believes every client about who it is, and api.rate_limit_per_minute then holds nobody back`,
  ];
}

/** Whether a range is wider than any that is somebody's own: 10.0.0.0/8, of IPv6 the private fc00::/7 or a /16. */
function isWide(range: string): boolean {
  const [address = "", bits] = range.split("/");
  if (bits === undefined || /^f[c-f]/i.test(address)) return false;
  const widest = isIPv4(address) ? 8 : /^::ffff:/i.test(address) ? 96 + 8 : 16;
  return Number(bits) < widest;
}

/** Sources that shall not count and do. */
function exclusions({ aggregate, sources }: Config): string[] {
  const out = sources.filter(({ include_in_vwap }) => include_in_vwap === false).map(({ name }) => name);
  if (out.length > 0 && aggregate.disable_class_filter) {
    return [`[[sources]] (${out.join(", ")}) are not left out while aggregate.disable_class_filter is true`];
  }
  return out.flatMap((name) => {
    const meant = misspeltSource(name);
    return meant === null ? [] : [`[[sources]] leave out ${name}, which is not built in; ${meant} is, and counts`];
  });
}

/** Each connection has one at a time. */
function requestsInFlight({ api: { max_in_flight } }: Config): string[] {
  if (max_in_flight <= MOST_CONNECTIONS) return [];
  return [`api.max_in_flight (${max_in_flight}) is never reached: there are at most ${MOST_CONNECTIONS} connections`];
}
