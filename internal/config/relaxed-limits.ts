import { z } from "zod";
import { type Config, configSchema } from "./schema.ts";
import { type Table, valueIn } from "./toml.ts";

/** Whether the second value is less strict than the first. */
type IsRelaxed = (before: unknown, after: unknown) => boolean;

const lower: IsRelaxed = (before, after) => Number(after) < Number(before);
const higher: IsRelaxed = (before, after) => Number(after) > Number(before);
/** For limits that 0 switches off. */
const higherOrOff: IsRelaxed = (before, after) => before !== 0 && (after === 0 || higher(before, after));
const switchedOff: IsRelaxed = (before, after) => before !== 0 && after === 0;
const becomes =
  (loose: unknown): IsRelaxed =>
  (before, after) =>
    before !== loose && after === loose;

/** The keys that control access or publication, each with its comparison. */
const RELAXES: Readonly<Record<string, IsRelaxed>> = {
  "api.require_key": becomes(false),
  // Raising the limit is a common change; switching it off may be the effect of a truncated file.
  "api.rate_limit_per_minute": switchedOff,
  "aggregate.disable_class_filter": becomes(true),
  "aggregate.min_usd_volume": lower,
  "aggregate.min_usd_volume_unknown": becomes("publish"),
  "aggregate.min_sources": lower,
  "aggregate.outlier_sigma_threshold": higherOrOff,
  "aggregate.outlier_max_dropped_share": higher,
  "aggregate.venue_deviation_pct": higherOrOff,
  "aggregate.max_source_share": higherOrOff,
  "aggregate.guard_factor": higherOrOff,
  "aggregate.guard_confirmations": lower,
  "aggregate.peg_tolerance_pct": higherOrOff,
  "aggregate.route_deviation_pct": higherOrOff,
};

/** A key whose new value is less strict, with both values as text. */
export interface RelaxedKey {
  readonly key: string;
  readonly before: string;
  readonly after: string;
}

/** Returns the keys for which the second configuration is less strict than the first. */
export function relaxedKeys(before: Config, after: Config): RelaxedKey[] {
  const [one, other] = [z.encode(configSchema, before) as Table, z.encode(configSchema, after) as Table];
  return Object.entries(RELAXES).flatMap(([key, isRelaxed]) => {
    const [was, is] = [one, other].map((table) => valueIn(table, key.split(".")));
    return isRelaxed(was, is) ? { key, before: JSON.stringify(was), after: JSON.stringify(is) } : [];
  });
}
