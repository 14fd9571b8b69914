import { z } from "zod";
import { type Config, configSchema } from "./schema.ts";
import { type Table, valueIn } from "./toml.ts";

/** Whether the second value lets more through than the first. */
type IsLooser = (before: unknown, after: unknown) => boolean;

const lower: IsLooser = (before, after) => Number(after) < Number(before);
const higher: IsLooser = (before, after) => Number(after) > Number(before);
/** Of limits that 0 switches off. */
const higherOrOff: IsLooser = (before, after) => before !== 0 && (after === 0 || higher(before, after));
const switchedOff: IsLooser = (before, after) => before !== 0 && after === 0;
const becomes =
  (loose: unknown): IsLooser =>
  (before, after) =>
    before !== loose && after === loose;

/** What lets in callers, or lets prices be published, by key. */
const LOOSER: Readonly<Record<string, IsLooser>> = {
  "api.require_key": becomes(false),
  // A higher limit is a usual change, and no limit is what a file that was cut short says.
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

/** A key that lets more through than it did, with both values as text. */
export interface Loosened {
  readonly key: string;
  readonly before: string;
  readonly after: string;
}

/** What the second of two configurations lets through that the first does not. */
export function loosenedKeys(before: Config, after: Config): Loosened[] {
  const [one, other] = [z.encode(configSchema, before) as Table, z.encode(configSchema, after) as Table];
  return Object.entries(LOOSER).flatMap(([key, isLooser]) => {
    const [was, is] = [one, other].map((table) => valueIn(table, key.split(".")));
    return isLooser(was, is) ? { key, before: JSON.stringify(was), after: JSON.stringify(is) } : [];
  });
}
