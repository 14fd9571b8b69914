import { join } from "node:path";

export const backfillEnvironment = (url: string) => ({
  STELLARINDEX_DATABASE_URL: url,
  STELLARINDEX_AGGREGATE_MIN_USD_VOLUME: "0",
  // The prices jump so that each bucket has a different value.
  STELLARINDEX_AGGREGATE_GUARD_FACTOR: "0",
  STELLARINDEX_AGGREGATE_TRIANGULATION_ENABLED: "false",
});

export type BackfillOptions = Readonly<Record<string, string>>;

/** The arguments of a run into `directory`, from 10:00 to 10:05 unless told otherwise. */
export function backfillArgs(directory: string, options: BackfillOptions): string[] {
  const all = {
    pairs: "XLM/USD",
    windows: "1m,2m",
    from: "2026-01-01T10:00:00Z",
    to: "2026-01-01T10:05:00Z",
    out: join(directory, "out.jsonl"),
    ...options,
  };
  return ["backfill", ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])];
}
