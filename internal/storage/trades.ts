import { formatDecimal } from "../canonical/decimal.ts";
import type { TradeRow } from "../canonical/trade.ts";
import type { Database, Sql } from "./database.ts";
import { moment } from "./moment.ts";
import { planForTimes } from "./read-only.ts";
import { inTransaction } from "./transaction.ts";

/** What became of a batch: `inserted + known` is its length; `conflicting` are known ones with other amounts. */
export interface WriteOutcome<Row extends TradeRow = TradeRow> {
  readonly inserted: number;
  readonly known: number;
  readonly conflicting: readonly Row[];
}

/**
 * Writes trades as a decoder would: one atomic statement, safe to repeat. A trade that is stored already stays as it
 * is.
 * @throws the database's error where a row breaks a constraint; none of the batch is stored then
 */
export async function writeTrades<Row extends TradeRow>(
  { sql }: Database,
  rows: readonly Row[],
): Promise<WriteOutcome<Row>> {
  if (rows.length === 0) return { inserted: 0, known: 0, conflicting: [] };
  const inserted = await insertTrades(sql, rows);
  const known = rows.length - inserted;
  if (known === 0) return { inserted, known, conflicting: [] };
  const conflicting = await inTransaction(sql, "READ ONLY", async (transaction) => {
    await planForTimes(transaction);
    return (await readStored(transaction, rows, "conflicting")).map(({ row }) => row);
  });
  return { inserted, known, conflicting };
}

/** Inserts the rows that are not stored yet; returns how many there were. */
export async function insertTrades(sql: Sql, rows: readonly TradeRow[]): Promise<number> {
  if (rows.length === 0) return 0;
  const { count } = await sql`
    INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
    SELECT base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount FROM ${batchOf(sql, rows)}
    ON CONFLICT DO NOTHING`;
  return count;
}

/** A row whose trade is stored already, perhaps with other amounts. */
export interface StoredRow<Row> {
  readonly row: Row;
  readonly isConflicting: boolean;
}

/** Those of the rows that are stored, or only those that are with other amounts, in their order. */
export async function readStored<Row extends TradeRow>(
  sql: Sql,
  rows: readonly Row[],
  which: "all" | "conflicting",
): Promise<StoredRow<Row>[]> {
  const sorted = rows.map(({ ts }) => ts).sort((a, b) => (a < b ? -1 : Number(a > b)));
  const differs = sql`(trades.base_amount <> batch.base_amount OR trades.quote_amount <> batch.quote_amount)`;
  const stored = await sql<{ position: string; is_conflicting: boolean }[]>`
    SELECT batch.position, ${differs} AS is_conflicting FROM ${batchOf(sql, rows)}
    JOIN trades USING (base_asset, quote_asset, ts, source, trade_id)
    WHERE trades.ts >= ${moment(sorted[0] ?? 0n)}::timestamptz AND trades.ts <= ${moment(sorted.at(-1) ?? 0n)}::timestamptz
      ${which === "conflicting" ? sql`AND ${differs}` : sql``}
    ORDER BY batch.position`;
  return stored.flatMap(({ position, is_conflicting: isConflicting }) => {
    const row = rows[Number(position) - 1];
    return row === undefined ? [] : [{ row, isConflicting }];
  });
}

function batchOf(sql: Sql, rows: readonly TradeRow[]) {
  return sql`
    unnest(
      ${arrayOf(rows, (row) => row.base)}::text::text[],
      ${arrayOf(rows, (row) => row.quote)}::text::text[],
      ${arrayOf(rows, (row) => moment(row.ts))}::text::timestamptz[],
      ${arrayOf(rows, (row) => row.source)}::text::text[],
      ${arrayOf(rows, (row) => row.tradeId)}::text::text[],
      ${arrayOf(rows, (row) => formatDecimal(row.baseAmount))}::text::numeric[],
      ${arrayOf(rows, (row) => formatDecimal(row.quoteAmount))}::text::numeric[]
    ) WITH ORDINALITY AS batch (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount, position)`;
}

const SPECIAL = /["\\]/;

/**
 * A column as the text of an array, for `${…}::text::numeric[]`: the driver takes longer over an array, and the server
 * over one of texts that are cast one by one.
 */
function arrayOf(rows: readonly TradeRow[], textOf: (row: TradeRow) => string): string {
  const quoted = rows.map((row) => {
    const text = textOf(row);
    return SPECIAL.test(text) ? text.replaceAll(/["\\]/g, "\\$&") : text;
  });
  return `{"${quoted.join('","')}"}`;
}
