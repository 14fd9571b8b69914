import { formatDuration } from "../canonical/duration.ts";
import type { LoadedConfig } from "../config/load.ts";
import { publishedPairs } from "../config/published-pairs.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** Reports the configuration's file and targets, and its warnings. */
export function checkConfig({ config, file, warnings }: LoadedConfig): Finding[] {
  const { windows, interval_seconds } = config.aggregate;
  const targets = `${publishedPairs(config).length} pairs × ${windows.length} windows`;
  return [
    ok(`${file ?? "no file, all defaults"}; ${targets} every ${formatDuration(interval_seconds)}`),
    ...warnings.map((each) => warning(each, "change the configuration; config print shows where each key is set")),
  ];
}
