import { InputError } from "../canonical/input-error.ts";
import type { TradeRow } from "../canonical/trade.ts";
import type { Columns } from "./columns.ts";
import type { Fields } from "./fields.ts";

/** A kind of file: the columns it has, and the trade that a row says. */
export interface FileKind<Column extends string = string> {
  readonly columns: Columns<Column>;
  /**
   * Held to what the database accepts, so that no row makes it refuse a whole batch.
   * @throws InputError that names the column, what is wrong and what would be right; SkippedRow where nothing is
   */
  readonly readRow: (fields: Fields<Column>) => FileTrade;
}

/** A trade of a file, which may not say the trade's id. */
export type FileTrade = Omit<TradeRow, "tradeId"> & { readonly tradeId: string | undefined };

/** A row that is fine and cannot be used, as are others of its kind. */
export class SkippedRow extends InputError {
  readonly kind: string;

  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A row that cannot be imported: its line in the file, the first being 1, and why. */
export interface BadRow {
  readonly line: number;
  readonly reason: string;
}

/** A row that is skipped as one of its kind. */
export interface LeftOutRow {
  readonly line: number;
  readonly skipped: string;
}

/** A trade, and the line that it is from. */
export type FileLine<Trade extends FileTrade = FileTrade> = Trade & { readonly line: number };

/** What a row of a file is. */
export type FileRow = FileLine | BadRow | LeftOutRow;
