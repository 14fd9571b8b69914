import type { TradeRow } from "../canonical/trade.ts";
import type { Columns } from "./columns.ts";
import type { Fields } from "./fields.ts";

/** A kind of file: the columns it has, and the trade that a row says. */
export interface FileKind<Column extends string = string> {
  readonly columns: Columns<Column>;
  /**
   * Held to what the database accepts, so that no row makes it refuse a whole batch.
   * @throws InputError that names the column, what is wrong and what would be right
   */
  readonly readRow: (fields: Fields<Column>) => FileTrade;
}

/** A trade of a file, which may not say the trade's id. */
export type FileTrade = Omit<TradeRow, "tradeId"> & { readonly tradeId: string | undefined };
