import { isIPv4 } from "node:net";
import { formatDuration } from "../canonical/duration.ts";
import { MAX_CONNECTIONS } from "../http/server.ts";
import { buildRegistry } from "../policy/registry.ts";
import type { Config } from "./schema.ts";
import { misspeltSource } from "./sections/sources.ts";

/** An outlier filter that needs more trades than this in a window has no effect on most windows. */
const MANY_TRADES = 1000;

/** Returns warnings about rules that these settings make ineffective; rules that are switched off do not count. */
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
    ...lateArchive(config),
  ];
}

/** None of n values deviates by more than √(n − 1) standard deviations from their mean (Samuelson's inequality). */
function outlierFilter({ aggregate: { outlier_method, outlier_sigma_threshold: k } }: Config): string[] {
  const least = Math.ceil(k * k) + 2;
  if (outlier_method === "mad" || least <= MANY_TRADES) return [];
  return [
    `aggregate.outlier_sigma_threshold (${k}) with outlier_method "sigma" drops nothing from a window of fewer than ${least} trades; lower it, or use "mad"`,
  ];
}

/** A price deviates downwards by less than 100 %, so such a threshold never applies to low prices. */
function deviations({ aggregate, divergence }: Config): string[] {
  const low = (key: string, pct: number, what: string): string[] =>
    pct < 100
      ? []
      : [
          `${key} (${pct}) is 100 per cent or more, and no price can be lower by that much: ${what} because its price is too low. Set a value below 100`,
        ];
  const { venue_deviation_pct, route_deviation_pct, peg_tolerance_pct } = aggregate;
  const { threshold_pct } = divergence;
  return [
    ...low("aggregate.venue_deviation_pct", venue_deviation_pct, "no venue is dropped"),
    ...low("aggregate.route_deviation_pct", route_deviation_pct, "no route is dropped"),
    ...low("aggregate.peg_tolerance_pct", peg_tolerance_pct, "no asset counts as off its peg"),
    ...low("divergence.threshold_pct", threshold_pct, "no pair gets a divergence warning"),
  ];
}

function guard({ aggregate }: Config): string[] {
  const { guard_factor, guard_confirmations, guard_hold_seconds, min_usd_volume, bucket_seconds } = aggregate;
  if (guard_factor === 0) return [];
  const found: string[] = [];
  if (guard_confirmations === 1) {
    found.push(
      "aggregate.guard_confirmations is 1: a source confirms its own price, so that the guard never withholds a price of a single source whose volume reaches min_usd_volume. Set 2 or more",
    );
  }
  if (min_usd_volume === 0) {
    found.push(
      `aggregate.min_usd_volume is 0: ${guard_confirmations} trades of any size, each of another source, pass the guard (guard_confirmations). Set a minimum volume`,
    );
  }
  if (guard_hold_seconds > 0 && guard_hold_seconds < bucket_seconds) {
    found.push(
      `aggregate.guard_hold_seconds (${guard_hold_seconds}) is shorter than bucket_seconds (${bucket_seconds}): no earlier value is ever held. Set at least bucket_seconds, or 0 to hold none`,
    );
  }
  return found;
}

function fewSources({ aggregate, sources }: Config): string[] {
  if (aggregate.disable_class_filter) return [];
  const count = [...buildRegistry(sources).values()].filter(({ includeInVwap }) => includeInVwap).length;
  const { min_sources, guard_factor, guard_confirmations, venue_deviation_pct, max_source_share } = aggregate;
  if (count === 0)
    return [
      "[[sources]] excludes every source from the VWAP: nothing is ever published. Set include_in_vwap = true for some",
    ];
  const counted = `the ${count === 1 ? "one source" : `${count} sources`} in the VWAP`;
  const found: string[] = [];
  if (min_sources > count) {
    found.push(
      `aggregate.min_sources (${min_sources}) is more than ${counted}: nothing is ever published. Lower it, or add sources`,
    );
  }
  if (guard_factor > 0 && guard_confirmations > count) {
    found.push(
      `aggregate.guard_confirmations (${guard_confirmations}) is more than ${counted}: a price that moves by more than guard_factor is never confirmed. Lower it, or add sources`,
    );
  }
  if (venue_deviation_pct > 0 && count < 3) {
    found.push(
      `aggregate.venue_deviation_pct needs at least three sources and has no effect on ${counted}; add sources`,
    );
  }
  if (max_source_share === 1)
    found.push(
      "aggregate.max_source_share is 1: a share never exceeds 1, so that this limits no venue. Set less than 1, or 0 to switch it off",
    );
  if (max_source_share > 0 && max_source_share * count < 1) {
    found.push(
      `aggregate.max_source_share (${max_source_share}) is too low for ${counted} to add up to 1: all of them get the same weight, whatever their volume. Raise it`,
    );
  }
  return found;
}

function freshness({ aggregate: { settle_seconds }, api: { price_freshness_seconds } }: Config): string[] {
  if (settle_seconds < price_freshness_seconds) return [];
  return [
    `aggregate.settle_seconds (${settle_seconds}) is not less than api.price_freshness_seconds (${price_freshness_seconds}): a published value is never fresh enough, and /v1/price computes each answer from the database. Raise price_freshness_seconds`,
  ];
}

function chains({ aggregate: { triangulation_enabled, triangulations } }: Config): string[] {
  if (triangulation_enabled || triangulations.length === 0) return [];
  return ["[[aggregate.triangulations]] has no effect while aggregate.triangulation_enabled is false; set it to true"];
}

/** A client behind an untrusted proxy can claim another address with each request. */
function proxies({ api: { rate_limit_per_minute, trusted_proxies } }: Config): string[] {
  const tooWide = trusted_proxies.filter(isWide);
  if (rate_limit_per_minute === 0 || tooWide.length === 0) return [];
  return [
    `api.trusted_proxies (${tooWide.join(", ")}) accepts any client's X-Forwarded-For, so that a client can evade api.rate_limit_per_minute. List only the proxies in front of the API`,
  ];
}

/** Whether a range is wider than any private network: 10.0.0.0/8, in IPv6 fc00::/7, or a /16. */
function isWide(range: string): boolean {
  const [address = "", bits] = range.split("/");
  if (bits === undefined || /^f[c-f]/i.test(address)) return false;
  const widest = isIPv4(address) ? 8 : /^::ffff:/i.test(address) ? 96 + 8 : 16;
  return Number(bits) < widest;
}

/** Sources that count although the configuration excludes them or seems to. */
function exclusions({ aggregate, sources }: Config): string[] {
  const out = sources.filter(({ include_in_vwap }) => include_in_vwap === false).map(({ name }) => name);
  if (out.length > 0 && aggregate.disable_class_filter) {
    return [
      `[[sources]] (${out.join(", ")}) are counted in spite of include_in_vwap = false, because aggregate.disable_class_filter is true. Set it to false`,
    ];
  }
  return out.flatMap((name) => {
    const meant = misspeltSource(name);
    return meant === null
      ? []
      : [`[[sources]] excludes ${name}, which is not a built-in source; did you mean ${meant}, which still counts?`];
  });
}

/** A limit above the number of connections, each of which has one request at a time. */
function requestsInFlight({ api: { max_in_flight } }: Config): string[] {
  if (max_in_flight <= MAX_CONNECTIONS) return [];
  return [
    `api.max_in_flight (${max_in_flight}) has no effect: the API accepts at most ${MAX_CONNECTIONS} connections, with one request at a time each. Lower it`,
  ];
}

/** With ended jobs, the outcomes of deliveries are removed. */
function lateArchive({ deliver: { archive, archive_after }, control: { keep_ended_days } }: Config): string[] {
  if (archive === "" || keep_ended_days === 0 || archive_after < keep_ended_days * 86_400) return [];
  return [
    `deliver.archive_after (${formatDuration(archive_after)}) is not shorter than control.keep_ended_days (${keep_ended_days}): events get into the archive without the outcomes of their deliveries. Lower it, or raise keep_ended_days`,
  ];
}
