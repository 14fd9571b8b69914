import { type PublishedValue, publishedColumns, serializePublished } from "../canonical/published.ts";

/** An output format with one line per value. */
export interface BackfillFormat {
  /** The header line; empty if the format has none. */
  readonly header: string;
  readonly line: (value: PublishedValue) => string;
}

// The policy is the last column.
const CSV_COLUMNS = [
  ...publishedColumns.filter(({ name }) => name !== "policy"),
  ...publishedColumns.filter(({ name }) => name === "policy"),
];

/** Formats by file extension. No CSV field needs quotes; sources and legs are in JSON only. */
export const BACKFILL_FORMATS: Readonly<Record<string, BackfillFormat>> = {
  jsonl: { header: "", line: (value) => `${serializePublished(value)}\n` },
  csv: {
    header: `${CSV_COLUMNS.map(({ name }) => name).join(",")}\n`,
    line: (value) => `${CSV_COLUMNS.map(({ read }) => read(value) ?? "").join(",")}\n`,
  },
};
