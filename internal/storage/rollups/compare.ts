import { type Bucket, HOUR } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { ceilTo, laterOf, type Micros } from "../../canonical/time.ts";
import type { Database } from "../connection/database.ts";
import type { Sql } from "../connection/pool.ts";
import { readOnly } from "../connection/read-only.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { type Horizons, readHorizons } from "../retention/horizons.ts";
import { recomputedRollups } from "./recomputed.ts";

/** A range of whole hours, of one pair or (null) of all pairs. */
export interface RollupRange extends Bucket {
  readonly pair: Pair | null;
}

/** A rollup row that differs from the one computed from the trades. */
export interface RollupDifference {
  readonly table: "trades_1m" | "trades_1h";
  readonly pair: Pair;
  readonly source: string;
  readonly bucket: Micros;
  /** `missing`: no row for existing trades; `surplus`: a row without trades; `wrong`: some columns differ. */
  readonly kind: "missing" | "surplus" | "wrong";
  /**
   * Columns that differ, with stored and computed value (the text `null` for NULL); empty unless the kind is `wrong`.
   */
  readonly figures: readonly { readonly column: string; readonly stored: string; readonly computed: string }[];
}

export interface Comparison {
  /** Number of trades compared. */
  readonly trades: number;
  /** Number of rows read, of trades and rollups. */
  readonly rows: number;
  /** In key order, hours before minutes. */
  readonly differences: readonly RollupDifference[];
}

interface Row {
  trades: string;
  rows: string;
  table_name: RollupDifference["table"] | null;
  base_asset: Pair["base"];
  quote_asset: Pair["quote"];
  source: string;
  bucket: string;
  kind: RollupDifference["kind"];
  figures: string | null;
}

/**
 * Compares minute and hour rollups with recomputed ones, on one snapshot, so that concurrent writers cause no
 * difference. Hours before the horizon of trades or rollups are skipped. A NULL in a column of an old rollup counts as
 * a difference, since it can be computed from the trades.
 */
export function compareRollups(database: Database, { pair, from, to }: RollupRange): Promise<Comparison> {
  return readOnly(database, async (sql, horizons) => {
    // Lost rollups can be recomputed from complete trades, so their stored horizon counts, not the one after lost rows.
    const completeFrom = new Map([...(await readHorizons(sql)), ...tradesOnly(horizons)]);
    const start = (...tables: string[]): Micros =>
      tables.map((table) => ceilTo(completeFrom.get(table) ?? from, HOUR)).reduce(laterOf, from);
    const within = (column: "ts" | "bucket", first: Micros) => sql`
      ${sql(column)} >= ${timestamptz(first)}::timestamptz AND ${sql(column)} <= ${timestamptz(to - 1n)}::timestamptz
      ${pair === null ? sql`` : sql`AND base_asset = ${pair.base} AND quote_asset = ${pair.quote}`}`;
    const [trades, minutes, hours] = [start("trades"), start("trades", "trades_1m"), start("trades", "trades_1h")];
    if (trades >= to) return { trades: 0, rows: 0, differences: [] };
    const rows = await sql<Row[]>`
      WITH ${recomputedRollups(sql, within("ts", trades))},
        stored_1m AS MATERIALIZED (SELECT * FROM trades_1m WHERE ${within("bucket", minutes)}),
        stored_1h AS MATERIALIZED (SELECT * FROM trades_1h WHERE ${within("bucket", hours)}),
        counted AS (
          SELECT coalesce(sum(trade_count), 0) AS trades,
            (SELECT count(*) FROM stored_1m) + (SELECT count(*) FROM stored_1h) AS rollups
          FROM computed_1m
        ),
        differences AS (
          ${differences(sql, "1h", hours)} UNION ALL ${differences(sql, "1m", minutes)}
        )
      SELECT counted.trades::text AS trades, (counted.trades + counted.rollups)::text AS rows, table_name, base_asset,
        quote_asset, source, (extract(epoch FROM bucket) * 1000000)::bigint::text AS bucket, kind, figures::text AS figures
      FROM counted LEFT JOIN differences ON true
      ORDER BY base_asset, quote_asset, table_name, bucket, source`;
    return {
      trades: Number(rows[0]?.trades ?? 0),
      rows: Number(rows[0]?.rows ?? 0),
      differences: rows.flatMap(differenceOf),
    };
  });
}

function tradesOnly(horizons: Horizons): Horizons {
  return new Map([...horizons].filter(([table]) => table === "trades"));
}

/** Compares whole rows, so that the statement fails if one side lacks a column. */
function differences(sql: Sql, unit: "1m" | "1h", from: Micros) {
  return sql`
    SELECT ${`trades_${unit}`}::text AS table_name, base_asset, quote_asset, bucket, source,
      CASE
        WHEN stored.trade_count IS NULL THEN 'missing' WHEN computed.trade_count IS NULL THEN 'surplus' ELSE 'wrong'
      END AS kind,
      (
        SELECT jsonb_object_agg(
          key, jsonb_build_array(coalesce(was.value #>> '{}', 'null'), coalesce(is_.value #>> '{}', 'null'))
        )
        FROM jsonb_each(to_jsonb(stored)) AS was JOIN jsonb_each(to_jsonb(computed)) AS is_ USING (key)
        WHERE was.value <> is_.value
      ) AS figures
    FROM ${sql(`stored_${unit}`)} AS stored
    FULL JOIN (
      SELECT * FROM ${sql(`computed_${unit}`)} WHERE bucket >= ${timestamptz(from)}::timestamptz
    ) AS computed USING (base_asset, quote_asset, bucket, source)
    WHERE stored IS DISTINCT FROM computed`;
}

function differenceOf(row: Row): RollupDifference[] {
  if (row.table_name === null) return [];
  const figures = Object.entries(JSON.parse(row.figures ?? "{}") as Record<string, [string, string]>);
  return [
    {
      table: row.table_name,
      pair: { base: row.base_asset, quote: row.quote_asset },
      source: row.source,
      bucket: BigInt(row.bucket),
      kind: row.kind,
      figures: figures.map(([column, [stored, computed]]) => ({ column, stored, computed })),
    },
  ];
}
