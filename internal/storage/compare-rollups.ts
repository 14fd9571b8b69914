import { type Bucket, HOUR } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import { ceilTo, laterOf, type Micros } from "../canonical/time.ts";
import type { Database, Sql } from "./database.ts";
import { type Horizons, readHorizons } from "./horizons.ts";
import { moment } from "./moment.ts";
import { readOnly } from "./read-only.ts";
import { recomputedRollups } from "./recomputed.ts";

/** Whole hours, of one pair or of all of them. */
export interface RollupRange extends Bucket {
  readonly pair: Pair | null;
}

/** A rollup row that is not what the trades say. */
export interface RollupDifference {
  readonly table: "trades_1m" | "trades_1h";
  readonly pair: Pair;
  readonly source: string;
  readonly bucket: Micros;
  /** `missing`: the trades are not counted; `surplus`: there are no such trades; `wrong`: some figures differ. */
  readonly kind: "missing" | "surplus" | "wrong";
  /** The figures that differ, as stored and as computed from the trades, `null` for none; empty unless the kind is `wrong`. */
  readonly figures: readonly { readonly column: string; readonly stored: string; readonly computed: string }[];
}

export interface Comparison {
  /** How many trades were counted. */
  readonly trades: number;
  /** How many rows were read, of trades and rollups. */
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
 * Compares both kinds of rollups with what the trades say, on one snapshot: a trade that lands meanwhile is in both or in
 * neither. What retention has reached is passed over: its trades, or its rollups, are not all there. A figure that is not
 * known is a difference, since the trades tell it.
 */
export function compareRollups(database: Database, { pair, from, to }: RollupRange): Promise<Comparison> {
  return readOnly(database, async (sql, horizons) => {
    // Rollups that are lost can be counted again where their trades are complete; those that retention removed are to be gone.
    const completeFrom = new Map([...(await readHorizons(sql)), ...tradesOnly(horizons)]);
    const start = (...tables: string[]): Micros =>
      tables.map((table) => ceilTo(completeFrom.get(table) ?? from, HOUR)).reduce(laterOf, from);
    const within = (column: "ts" | "bucket", first: Micros) => sql`
      ${sql(column)} >= ${moment(first)}::timestamptz AND ${sql(column)} <= ${moment(to - 1n)}::timestamptz
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

/** Whole rows are compared: a column that one of the two lacks is an error, never overlooked. */
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
      SELECT * FROM ${sql(`computed_${unit}`)} WHERE bucket >= ${moment(from)}::timestamptz
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
