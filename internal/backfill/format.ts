import { type PublishedValue, serializePublished } from "../canonical/published.ts";

/** How values are written, a line each. */
export interface BackfillFormat {
  /** What the file begins with. */
  readonly header: string;
  readonly line: (value: PublishedValue) => string;
}

const CSV_COLUMNS: Readonly<Record<string, (value: PublishedValue) => string | number | null | undefined>> = {
  pair: ({ pair }) => pair,
  window_seconds: ({ window_seconds }) => window_seconds,
  from: ({ from }) => from,
  to: ({ to }) => to,
  price: ({ price }) => price,
  base_volume: ({ base_volume }) => base_volume,
  quote_volume: ({ quote_volume }) => quote_volume,
  usd_volume: ({ usd_volume }) => usd_volume,
  trade_count: ({ trade_count }) => trade_count,
  dropped_class: ({ dropped }) => dropped.class,
  dropped_outlier: ({ dropped }) => dropped.outlier,
  dropped_venue: ({ dropped }) => dropped.venue,
  dropped_peg: ({ dropped }) => dropped.peg,
  provenance: ({ provenance }) => provenance,
  policy: ({ policy }) => policy,
};

/** By the ending of the file's name. No field of a value needs quotes in CSV; sources and legs are in JSON only. */
export const BACKFILL_FORMATS: Readonly<Record<string, BackfillFormat>> = {
  jsonl: { header: "", line: (value) => `${serializePublished(value)}\n` },
  csv: {
    header: `${Object.keys(CSV_COLUMNS).join(",")}\n`,
    line: (value) =>
      `${Object.values(CSV_COLUMNS)
        .map((read) => read(value) ?? "")
        .join(",")}\n`,
  },
};
