import { formatDecimal } from "../../canonical/decimal.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import type { Database } from "../connection/database.ts";
import type { Sql } from "../connection/pool.ts";
import { planForTimes } from "../connection/read-only.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { inTransaction } from "../connection/transaction.ts";

/** Result of writing a batch of `inserted + known` rows; `conflicting` rows are stored already with other amounts. */
export interface WriteOutcome<Row extends TradeRow = TradeRow> {
  readonly inserted: number;
  readonly known: number;
  readonly conflicting: readonly Row[];
}

/**
 * Writes trades in one atomic, idempotent statement, as decoders do. Trades that are stored already are not changed.
 * A failed write is not repeated here, since the rows may be stored and would then count as known.
 * @throws CircuitOpen immediately while the database's circuit is open; the database's error if a row violates a
 * constraint: none of the batch is stored then
 */
export async function writeTrades<Row extends TradeRow>(
  { sql, breaker }: Database,
  rows: readonly Row[],
): Promise<WriteOutcome<Row>> {
  if (rows.length === 0) return { inserted: 0, known: 0, conflicting: [] };
  const batch = formatBatch(rows);
  return breaker.run(async () => {
    const inserted = await insertBatch(sql, batch);
    const known = rows.length - inserted;
    if (known === 0) return { inserted, known, conflicting: [] };
    const conflicting = await inTransaction(sql, "READ ONLY", async (transaction) => {
      await planForTimes(transaction);
      return (await readBatch(transaction, batch, "conflicting")).map(({ row }) => row);
    });
    return { inserted, known, conflicting };
  });
}

/** Inserts the rows that are not stored yet; returns their number. */
export async function insertTrades(sql: Sql, rows: readonly TradeRow[]): Promise<number> {
  return rows.length === 0 ? 0 : insertBatch(sql, formatBatch(rows));
}

async function insertBatch(sql: Sql, batch: Batch<TradeRow>): Promise<number> {
  const { count } = await sql`
    INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
    SELECT base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount FROM ${rowsOf(sql, batch)}
    ON CONFLICT DO NOTHING`;
  return count;
}

/**
 * Inserts the rows that are not stored yet, of which no two are the same trade.
 * @returns the others, in the order given
 */
export async function insertNew<Row extends TradeRow>(sql: Sql, rows: readonly Row[]): Promise<Row[]> {
  if (rows.length === 0) return [];
  const identity = sql`base_asset, quote_asset, ts, source, trade_id`;
  const known = await sql<{ position: string }[]>`
    WITH batch AS MATERIALIZED (SELECT * FROM ${rowsOf(sql, formatBatch(rows))}),
    inserted AS (
      INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
      SELECT ${identity}, base_amount, quote_amount FROM batch
      ON CONFLICT DO NOTHING
      RETURNING ${identity}
    )
    SELECT position FROM batch LEFT JOIN inserted USING (${identity})
    WHERE inserted.source IS NULL
    ORDER BY position`;
  return known.flatMap(({ position }) => rows[Number(position) - 1] ?? []);
}

/** A row whose trade is stored already, perhaps with other amounts. */
export interface StoredRow<Row> {
  readonly row: Row;
  readonly isConflicting: boolean;
}

/** Returns the rows that are stored already, or only the conflicting ones, in the order given. */
export function readStored<Row extends TradeRow>(
  sql: Sql,
  rows: readonly Row[],
  which: "all" | "conflicting",
): Promise<StoredRow<Row>[]> {
  return readBatch(sql, formatBatch(rows), which);
}

async function readBatch<Row extends TradeRow>(
  sql: Sql,
  batch: Batch<Row>,
  which: "all" | "conflicting",
): Promise<StoredRow<Row>[]> {
  const { rows } = batch;
  const sorted = rows.map(({ ts }) => ts).sort((a, b) => (a < b ? -1 : Number(a > b)));
  const differs = sql`(trades.base_amount <> batch.base_amount OR trades.quote_amount <> batch.quote_amount)`;
  const stored = await sql<{ position: string; is_conflicting: boolean }[]>`
    SELECT batch.position, ${differs} AS is_conflicting FROM ${rowsOf(sql, batch)}
    JOIN trades USING (base_asset, quote_asset, ts, source, trade_id)
    WHERE trades.ts >= ${timestamptz(sorted[0] ?? 0n)}::timestamptz AND trades.ts <= ${timestamptz(sorted.at(-1) ?? 0n)}::timestamptz
      ${which === "conflicting" ? sql`AND ${differs}` : sql``}
    ORDER BY batch.position`;
  return stored.flatMap(({ position, is_conflicting: isConflicting }) => {
    const row = rows[Number(position) - 1];
    return row === undefined ? [] : [{ row, isConflicting }];
  });
}

/** Rows with their columns as array literals, which are formatted once for all statements of the batch. */
interface Batch<Row extends TradeRow> {
  readonly rows: readonly Row[];
  readonly columns: Readonly<
    Record<"base" | "quote" | "ts" | "source" | "tradeId" | "baseAmount" | "quoteAmount", string>
  >;
}

function formatBatch<Row extends TradeRow>(rows: readonly Row[]): Batch<Row> {
  return {
    rows,
    columns: {
      base: arrayOf(rows, (row) => row.base),
      quote: arrayOf(rows, (row) => row.quote),
      ts: arrayOf(rows, (row) => timestamptz(row.ts)),
      source: arrayOf(rows, (row) => row.source),
      tradeId: arrayOf(rows, (row) => row.tradeId),
      baseAmount: arrayOf(rows, (row) => formatDecimal(row.baseAmount)),
      quoteAmount: arrayOf(rows, (row) => formatDecimal(row.quoteAmount)),
    },
  };
}

function rowsOf(sql: Sql, { columns }: Batch<TradeRow>) {
  return sql`
    unnest(
      ${columns.base}::text::text[],
      ${columns.quote}::text::text[],
      ${columns.ts}::text::timestamptz[],
      ${columns.source}::text::text[],
      ${columns.tradeId}::text::text[],
      ${columns.baseAmount}::text::numeric[],
      ${columns.quoteAmount}::text::numeric[]
    ) WITH ORDINALITY AS batch (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount, position)`;
}

const SPECIAL = /["\\]/;

/**
 * Formats a column as an array literal, for `${…}::text::numeric[]`. Passing an array is slower in the driver, and
 * casting a text array element by element is slower in the server.
 */
function arrayOf(rows: readonly TradeRow[], textOf: (row: TradeRow) => string): string {
  const quoted = rows.map((row) => {
    const text = textOf(row);
    return SPECIAL.test(text) ? text.replaceAll(/["\\]/g, "\\$&") : text;
  });
  return `{"${quoted.join('","')}"}`;
}
