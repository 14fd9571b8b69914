import { InputError } from "../canonical/input-error.ts";
import type { TradeRow } from "../canonical/trade.ts";
import type { Fields } from "../ingest/fields.ts";
import type { Columns } from "./columns.ts";

/** A kind of file: its columns, and how a row becomes a trade. */
export interface FileKind<Column extends string = string> {
  readonly columns: Columns<Column>;
  /**
   * Parses a row and checks it against the database's constraints, so that no row makes the database refuse a whole
   * batch.
   * @throws InputError that names the column, the problem and the expected form; SkippedRow for a valid row that is not
   * used
   */
  readonly readRow: (fields: Fields<Column>) => FileTrade;
}

/** A trade of a file, possibly without an id. */
export type FileTrade = Omit<TradeRow, "tradeId"> & { readonly tradeId: string | undefined };

/** A valid row that is not used; rows are counted by `kind`. */
export class SkippedRow extends InputError {
  readonly kind: string;

  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A row that cannot be imported: its line number, from 1, and the reason. */
export interface BadRow {
  readonly line: number;
  readonly reason: string;
}

/** A skipped row; `skipped` is its kind. */
export interface SkippedFileRow {
  readonly line: number;
  readonly skipped: string;
}

/** A trade with its line number. */
export type FileLine<Trade extends FileTrade = FileTrade> = Trade & { readonly line: number };

/** The result of reading a row. */
export type FileRow = FileLine | BadRow | SkippedFileRow;
