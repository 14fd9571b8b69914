import { z } from "zod";
import { needs } from "../lib/cross-checks.ts";
import type { PolicySettings } from "../policy/policy.ts";
import { checkSpellings } from "./one-spelling.ts";
import { secret } from "./secrets.ts";
import { aggregateSection } from "./sections/aggregate.ts";
import { apiSection } from "./sections/api.ts";
import { controlSection } from "./sections/control.ts";
import { deliverSection } from "./sections/deliver.ts";
import { deliveriesSection } from "./sections/deliveries.ts";
import { divergenceSection } from "./sections/divergence.ts";
import { collectSection, feedsSection } from "./sections/feeds.ts";
import { databaseUrlField, durationField, integerField, redisUrlField } from "./sections/fields.ts";
import { gatewaySection } from "./sections/gateway.ts";
import { sourcesSection } from "./sections/sources.ts";
import { checkDestinationNames } from "./shared-names.ts";

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

// 0 keeps rows for ever.
const retention = durationField
  .refine((seconds) => seconds <= 100 * 366 * 86_400, "is longer than a century")
  .prefault("0")
  .describe('a duration, such as "720h" or "30d", or "0" to keep for ever');

/** The keys of a circuit breaker, the same for the database and for Redis. */
const breaker = {
  breaker_failures: integerField(1, 1000).prefault(5).describe("a whole number from 1 to 1000"),
  breaker_cooldown_seconds: integerField(1, 3600).prefault(5).describe("a whole number of seconds from 1 to 3600"),
};

const databaseSection = z
  .strictObject({
    url: databaseUrlField
      .prefault("pglite:stellarindex-data")
      .meta(secret("password"))
      .describe('"postgres://user:password@host/database", "pglite:<directory>" or "pglite:memory"'),
    max_connections: integerField(1, 1000).prefault(10).describe("a whole number from 1 to 1000"),
    connect_timeout_seconds: integerField(1, 300).prefault(5).describe("a whole number of seconds from 1 to 300"),
    query_timeout_seconds: integerField(1, 3600).prefault(30).describe("a whole number of seconds from 1 to 3600"),
    ...breaker,
    timescaledb: z.enum(["auto", "require", "off"]).prefault("auto").describe('"auto", "require" or "off"'),
    retention: z
      .strictObject({ trades: retention, trades_1m: retention, trades_1h: retention })
      .prefault({})
      .describe("a table, [database.retention]"),
  })
  .prefault({})
  .describe("a table, [database]");

const redisSection = z
  .strictObject({
    url: redisUrlField
      .prefault("memory:")
      .meta(secret("password"))
      .describe(
        '"redis://user:password@host:6379/0", "rediss://…", "redis+sentinel://user:password@host:26379,host:26379/primary/0" or "memory:" within one process',
      ),
    key_prefix: z
      .string()
      .regex(/^[\x21-\x7e]{0,64}$/)
      .prefault("")
      .describe("at most 64 ASCII characters without blanks"),
    ...breaker,
  })
  .prefault({})
  .describe("a table, [redis]");

const logSection = z
  .strictObject({
    level: z
      .enum(LOG_LEVELS)
      .prefault("info")
      .describe(`one of ${LOG_LEVELS.join(", ")}`),
  })
  .prefault({})
  .describe("a table, [log]");

/**
 * The schema of the whole configuration, which decodes TOML values and encodes them again (`z.encode`). The description
 * of each key gives its allowed values, for error messages.
 */
export const configSchema = z
  .strictObject({
    database: databaseSection,
    redis: redisSection,
    api: apiSection,
    control: controlSection,
    gateway: gatewaySection,
    deliver: deliverSection,
    collect: collectSection,
    log: logSection,
    aggregate: aggregateSection,
    divergence: divergenceSection,
    sources: sourcesSection,
    feeds: feedsSection,
    deliveries: deliveriesSection,
  })
  .superRefine(checkSpellings, needs("aggregate", "divergence"))
  .superRefine(checkDestinationNames, needs("sources", "feeds", "deliveries"));

/** The settings in effect. Durations are numbers of seconds. */
export type Config = z.output<typeof configSchema>;

/** Returns the settings that can change a published value. */
export function policySettings({ aggregate, sources }: Config): PolicySettings {
  return {
    disable_class_filter: aggregate.disable_class_filter,
    enable_stablecoin_fiat_proxy: aggregate.enable_stablecoin_fiat_proxy,
    outlier_method: aggregate.outlier_method,
    outlier_sigma_threshold: aggregate.outlier_sigma_threshold,
    venue_deviation_pct: aggregate.venue_deviation_pct,
    max_source_share: aggregate.max_source_share,
    outlier_max_dropped_share: aggregate.outlier_max_dropped_share,
    min_sources: aggregate.min_sources,
    min_usd_volume: aggregate.min_usd_volume,
    min_usd_volume_unknown: aggregate.min_usd_volume_unknown,
    guard_factor: aggregate.guard_factor,
    guard_confirmations: aggregate.guard_confirmations,
    guard_hold_seconds: aggregate.guard_hold_seconds,
    peg_tolerance_pct: aggregate.peg_tolerance_pct,
    route_deviation_pct: aggregate.route_deviation_pct,
    twap_carry_seconds: aggregate.twap_carry_seconds,
    stellar_network: aggregate.stellar_network,
    aliases: aggregate.aliases,
    pegs: aggregate.pegs,
    triangulation_enabled: aggregate.triangulation_enabled,
    triangulations: aggregate.triangulations,
    max_hops: aggregate.max_hops,
    sources,
  };
}
