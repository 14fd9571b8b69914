import type { Pair } from "../../canonical/pair.ts";
import type { Micros } from "../../canonical/time.ts";
import type { Fields } from "../../ingest/fields.ts";
import type { Given } from "./given.ts";

/** How the times of a format are written. */
export interface TimeRule {
  /** For people, such as `milliseconds`. */
  readonly said: string;
  /** @throws InputError where a time does not follow the rule */
  readonly read: (text: string) => Micros;
}

/** Where the source of a format's trades comes from. Without any of them, it has to be given. */
export interface SourceRule {
  readonly always?: string;
  readonly column?: string;
  /** @throws InputError where the value of the column is not a source that can be read */
  readonly ofColumn?: (text: string) => string;
  readonly inName?: (fileName: string) => string | undefined;
}

/** Where the pair of a format's trades comes from. Without any of them, it has to be given. */
export interface PairRule {
  readonly column?: string;
  readonly inName?: (fileName: string) => string | undefined;
  /** @throws InputError where a symbol has no certain meaning */
  readonly pairOf: (symbol: string, fields: Fields) => Pair;
}

/** The columns of a format from which the fields of a trade are taken as they are. */
export interface TradeColumns {
  readonly ts: string;
  readonly price?: string;
  readonly size?: string;
  readonly trade_id?: string;
}

/** A form in which a venue or a tool publishes trades. A record is a row of CSV, or an object in JSON. */
export interface Format {
  /** The name for `--format`. */
  readonly name: string;
  /** What it is, for people. */
  readonly title: string;
  /** Columns or keys by which a record is recognized: all are there. */
  readonly keys: readonly string[];
  /** Columns that tell another format: none is there. */
  readonly without?: readonly string[];
  /** Whether the format is written as CSV with a header. */
  readonly hasHeader: boolean;
  /** Columns of CSV without a header, in order, with what their values look like. */
  readonly headerless?: readonly (readonly [column: string, shape: RegExp])[];
  /** Whether the format is written in JSON, too. */
  readonly isJson: boolean;
  /** Returns the records in a document that holds several, such as an answer of an API; null for another document. */
  readonly recordsIn?: (document: unknown) => readonly unknown[] | null;
  readonly columns: TradeColumns;
  readonly time: TimeRule;
  readonly source: SourceRule;
  readonly pair: PairRule | null;
  /** What precedes the venue's ids, to tell them from ids of another kind of the same source. */
  readonly idPrefix?: string;
  /** What is worth knowing about the ids, for the documentation. */
  readonly ids: string;
  /** Further columns that are read, and the fields of a trade that follow from them. */
  readonly market?: {
    readonly columns: readonly string[];
    readonly read: (fields: Fields, given: Given) => Fields;
  };
}

export const DECIMAL = /^\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
export const INTEGER = /^\d+$/;
export const BOOLEAN = /^(?:true|false)$/i;

/** Returns all columns that a format reads. */
export function columnsOf({ columns, source, pair, market, keys }: Format): string[] {
  const read = [...Object.values(columns), source.column, pair?.column, ...(market?.columns ?? []), ...keys];
  return [...new Set(read.filter((column): column is string => column !== undefined))];
}
