import type { PendingQuery, Row } from "postgres";
import { once } from "../aggregate/once.ts";
import type { Block } from "../aggregate/reader.ts";
import { MOST_HOURS } from "../aggregate/recent-price.ts";
import type { Bucket } from "../canonical/bucket.ts";
import { parseDecimal } from "../canonical/decimal.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import type { Sql } from "./database.ts";
import { inRange, unnestRanges } from "./ranges.ts";
import { type BlockQuestion, type BlockRow, type BlockSource, blocksOf } from "./recent-blocks.ts";
import { together } from "./together.ts";

/** A block row as the database gives it, of the question `part`. */
interface BlockRecord {
  readonly part: number;
  readonly from: string;
  readonly source: string;
  readonly base_volume: string;
  readonly quote_volume: string;
  readonly trade_count: string;
}

export type BlockTable = "trades_1h" | "trades_1m";

/** Reads the blocks of many questions in few statements, and each of them once. */
export function storedBlocks(sql: Sql): BlockSource {
  return { lastHours: blocksIn(sql, "trades_1h", MOST_HOURS), minutes: blocksIn(sql, "trades_1m", null) };
}

/** Those of one list of sources are asked together. */
function blocksIn(
  sql: Sql,
  table: BlockTable,
  most: number | null,
): (question: BlockQuestion) => Promise<readonly Block[]> {
  const bySources = new Map<string, (question: BlockQuestion) => Promise<Block[]>>();
  return once(keyOf, (question) => {
    const key = JSON.stringify(question.sources);
    const ask =
      bySources.get(key) ?? together((questions) => readBlocks(sql, table, most, question.sources, questions));
    bySources.set(key, ask);
    return ask(question);
  });
}

function keyOf({ pairs, bucket, sources }: BlockQuestion): string {
  return `${pairs.map(formatPair).join()} ${bucket.from} ${bucket.to} ${JSON.stringify(sources)}`;
}

async function readBlocks(
  sql: Sql,
  table: BlockTable,
  most: number | null,
  sources: readonly string[] | null,
  questions: readonly BlockQuestion[],
): Promise<Block[][]> {
  const ranges = questions.flatMap(({ pairs, bucket }, part) => pairs.map((pair) => ({ part, pair, ...bucket })));
  const answers = questions.map((): BlockRow[] => []);
  if (ranges.length === 0) return answers.map(blocksOf);
  const rows = sql`
    SELECT * FROM ${sql(table)}
    WHERE ${inRange(sql, "bucket", ranges)} AND ${isOf(sql, sources)} AND ${hasPrice(sql)}`;
  const records = await sql<BlockRecord[]>`
    SELECT ${blockColumns(sql)} FROM ${unnestRanges(sql, ranges)}
    CROSS JOIN LATERAL (${most === null ? rows : lastBlocks(sql, rows, most)} OFFSET 0) AS block`;
  for (const record of records) answers[record.part]?.push(blockRow(record));
  return answers.map(blocksOf);
}

/** All rows of each pair in the bucket. */
export async function readBlockRows(
  sql: Sql,
  table: BlockTable,
  bucket: Bucket,
  pairs: readonly Pair[],
): Promise<BlockRow[][]> {
  const ranges = pairs.map((pair, part) => ({ part, pair, ...bucket }));
  const answers = pairs.map((): BlockRow[] => []);
  const records = await sql<BlockRecord[]>`
    SELECT ${blockColumns(sql)} FROM ${unnestRanges(sql, ranges)}
    CROSS JOIN LATERAL (
      SELECT * FROM ${sql(table)} WHERE ${inRange(sql, "bucket", ranges)} AND ${hasPrice(sql)}
      OFFSET 0
    ) AS block`;
  for (const record of records) answers[record.part]?.push(blockRow(record));
  return answers;
}

/** The rows of the last blocks, read from the end of the index on: the rank, which only grows, ends the scan. */
function lastBlocks(sql: Sql, rows: PendingQuery<Row[]>, most: number) {
  return sql`
    SELECT * FROM (
      SELECT *, dense_rank() OVER (ORDER BY bucket DESC) AS place FROM (${rows}) AS traded
    ) AS ranked
    WHERE place <= ${most}::int`;
}

/** Rollups that hold a trade that forms a price, as far as they know. */
function hasPrice(sql: Sql) {
  return sql`imprecise_count IS DISTINCT FROM trade_count`;
}

/** As an expression: by its column, each source would be looked up in the index by itself. */
function isOf(sql: Sql, sources: readonly string[] | null) {
  return sources === null ? sql`true` : sql`source || '' = ANY(${sources as string[]}::text[])`;
}

function blockColumns(sql: Sql) {
  return sql`
    range.part, (extract(epoch FROM block.bucket) * 1000000)::bigint::text AS from, block.source,
    block.base_volume::text AS base_volume, block.quote_volume::text AS quote_volume,
    block.trade_count::text AS trade_count`;
}

function blockRow(row: BlockRecord): BlockRow {
  return {
    from: BigInt(row.from),
    source: row.source,
    baseVolume: parseDecimal(row.base_volume),
    quoteVolume: parseDecimal(row.quote_volume),
    tradeCount: Number(row.trade_count),
  };
}
