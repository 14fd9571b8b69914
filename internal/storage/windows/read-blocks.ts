import { type Bucket, HOUR, MINUTE } from "../../canonical/bucket.ts";
import { formatDecimal } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { earlierOf } from "../../canonical/time.ts";
import { makeBatcher } from "../../lib/batcher.ts";
import { memoize } from "../../lib/memoize.ts";
import type { Block } from "../../policy/reader.ts";
import { MAX_HOURS } from "../../policy/recent-price.ts";
import type { Sql } from "../connection/pool.ts";
import { inRange, type Range, unnestRanges } from "./ranges.ts";
import { type BlockQuestion, type BlockRow, type BlockSource, blocksOf } from "./recent-blocks.ts";

/** All block rows of a range as one text, which is several times faster to parse than rows. */
interface BlockRecord {
  readonly part: number;
  readonly blocks: string;
}

type Table = "trades_1h" | "trades_1m";

/** Returns a block source that batches and deduplicates queries. */
export function storedBlocks(sql: Sql): BlockSource {
  return { lastHours: blocksIn(sql, "trades_1h", MAX_HOURS), minutes: blocksIn(sql, "trades_1m", null) };
}

/** Filter of rows; queries with the same filter are batched. */
type RowSelection = Pick<BlockQuestion, "sources" | "minQuoteVolume">;

/** Returns a reader of one table that batches queries by selection and memoizes each. */
function blocksIn(sql: Sql, table: Table, most: number | null): (question: BlockQuestion) => Promise<readonly Block[]> {
  const bySelection = new Map<string, (question: BlockQuestion) => Promise<Block[]>>();
  return (question) => {
    const { sources, minQuoteVolume } = question;
    const key = `${minQuoteVolume && formatDecimal(minQuoteVolume)} ${textOf(sources)}`;
    const ask =
      bySelection.get(key) ??
      memoize(
        keyOf,
        makeBatcher((questions: readonly BlockQuestion[]) =>
          readBlocks(sql, table, most, { sources, minQuoteVolume }, questions),
        ),
      );
    bySelection.set(key, ask);
    return ask(question);
  };
}

/** Memoized, since many queries share the same array of sources. */
const sourceTexts = new WeakMap<readonly string[], string>();

function textOf(sources: readonly string[] | null): string {
  if (sources === null) return "";
  const text = sourceTexts.get(sources) ?? JSON.stringify(sources);
  sourceTexts.set(sources, text);
  return text;
}

/** Returns the pairs and the bucket of a query as a key. */
function keyOf({ pairs, bucket: { from, to } }: BlockQuestion): string {
  return pairs.reduce((key, pair) => `${key} ${pair.base}/${pair.quote}`, `${from} ${to}`);
}

async function readBlocks(
  sql: Sql,
  table: Table,
  most: number | null,
  selection: RowSelection,
  questions: readonly BlockQuestion[],
): Promise<Block[][]> {
  const groups = most === null ? questions.map((question) => ({ ...question, asked: [question] })) : joined(questions);
  const ranges = groups.flatMap(({ pairs, bucket }, part) => pairs.map((pair) => ({ part, pair, ...bucket })));
  const rowsOf = groups.map((): BlockRow[] => []);
  const found =
    most === null
      ? await readAllRows(sql, table, selection, ranges)
      : await readLastRows(sql, table, selection, ranges, most + MOST_APART);
  for (const [index, { part }] of ranges.entries()) rowsOf[part]?.push(...(found[index] ?? []));
  const answers = new Map<BlockQuestion, Block[]>();
  for (const [part, { asked }] of groups.entries()) {
    const blocks = blocksOf(rowsOf[part] ?? []);
    for (const question of asked) answers.set(question, within(blocks, question.bucket));
  }
  return questions.map((question) => answers.get(question) ?? []);
}

/** Rows read per pair and wanted block at first, and the factor for each further attempt. */
const ROWS_PER_BLOCK = 8;
const MORE_ROWS = 8;

/**
 * Reads the rows of the last `wanted` blocks of each range: `limit` rows from the end of the index, and more if these
 * belong to too few blocks. The LIMIT makes the planner choose the index scan regardless of its statistics.
 */
async function readLastRows(
  sql: Sql,
  table: Table,
  selection: RowSelection,
  ranges: readonly Range[],
  wanted: number,
  limit = ROWS_PER_BLOCK * wanted,
): Promise<BlockRow[][]> {
  const rowsOf = ranges.map((): BlockRow[] => []);
  if (ranges.length === 0) return rowsOf;
  const records = await sql<(BlockRecord & { readonly is_cut: boolean })[]>`
    SELECT range.part, block.blocks, block.is_cut
    FROM ${unnestRanges(sql, numbered(ranges))}
    CROSS JOIN LATERAL (
      SELECT ${packed(sql)} FILTER (WHERE place <= ${wanted}::int) AS blocks,
        -- The earliest block may be incomplete.
        count(*) = ${limit}::int AND max(place) <= ${wanted}::int AS is_cut
      FROM (
        SELECT *, dense_rank() OVER (ORDER BY bucket DESC) AS place
        FROM (
          SELECT bucket, source, base_volume, quote_volume FROM ${sql(table)}
          WHERE ${inRange(sql, "bucket", ranges)} AND ${hasPrice(sql)} AND ${isSelected(sql, selection)}
          ORDER BY base_asset DESC, quote_asset DESC, bucket DESC
          LIMIT ${limit}::int
        ) AS last
      ) AS block
    ) AS block
    WHERE block.blocks IS NOT NULL`;
  const cut = records.filter(({ is_cut }) => is_cut).map(({ part }) => part);
  for (const { part, blocks, is_cut } of records) if (!is_cut) rowsOf[part] = unpacked(blocks);
  const longer = cut.map((part) => ranges[part] as Range);
  const more = await readLastRows(sql, table, selection, longer, wanted, limit * MORE_ROWS);
  for (const [index, part] of cut.entries()) rowsOf[part] = more[index] ?? [];
  return rowsOf;
}

/** Reads all rows of each range, newest first. */
async function readAllRows(
  sql: Sql,
  table: Table,
  selection: RowSelection,
  ranges: readonly Range[],
): Promise<BlockRow[][]> {
  const rowsOf = ranges.map((): BlockRow[] => []);
  if (ranges.length === 0) return rowsOf;
  const records = await sql<BlockRecord[]>`
    SELECT range.part, block.blocks FROM ${unnestRanges(sql, numbered(ranges))}
    CROSS JOIN LATERAL (
      SELECT ${packed(sql)} AS blocks FROM (
        SELECT * FROM ${sql(table)} WHERE ${inRange(sql, "bucket", ranges)} AND ${hasPrice(sql)} AND ${isSelected(sql, selection)}
        ORDER BY bucket DESC OFFSET 0
      ) AS block
    ) AS block
    WHERE block.blocks IS NOT NULL`;
  for (const { part, blocks } of records) rowsOf[part] = unpacked(blocks);
  return rowsOf;
}

/** Numbers the ranges, so that each is a part of its own. */
function numbered(ranges: readonly Range[]): Range[] {
  return ranges.map((range, part) => ({ ...range, part }));
}

/** Queries for the last hours of the same pairs share one read if their ends differ by at most this many hours. */
const MOST_APART = 1;

interface BlockGroup extends BlockQuestion {
  readonly asked: readonly BlockQuestion[];
}

/** Groups queries; each group has the bucket that contains those of its queries. */
function joined(questions: readonly BlockQuestion[]): BlockGroup[] {
  const groups: BlockGroup[] = [];
  const newest = new Map<string, number>();
  const latestFirst = [...questions].sort((a, b) => Number(b.bucket.to - a.bucket.to));
  for (const question of latestFirst) {
    const key = question.pairs.map(formatPair).join();
    const place = newest.get(key);
    const group = place === undefined ? undefined : groups[place];
    if (group === undefined || group.bucket.to - question.bucket.to > HOUR * BigInt(MOST_APART)) {
      newest.set(key, groups.push({ ...question, asked: [question] }) - 1);
      continue;
    }
    const bucket = { from: earlierOf(group.bucket.from, question.bucket.from), to: group.bucket.to };
    groups[place as number] = { ...group, bucket, asked: [...group.asked, question] };
  }
  return groups;
}

function within(blocks: readonly Block[], { from, to }: Bucket): Block[] {
  return blocks.filter((block) => block.from >= from && block.from < to);
}

const EVERY_ROW: RowSelection = { sources: null, minQuoteVolume: null };

/** Reads all rows of each pair in the bucket, newest first. */
export function readBlockRows(sql: Sql, table: Table, bucket: Bucket, pairs: readonly Pair[]): Promise<BlockRow[][]> {
  return readAllRows(
    sql,
    table,
    EVERY_ROW,
    pairs.map((pair, part) => ({ part, pair, ...bucket })),
  );
}

/** A condition: the rollup has a trade that forms a price, or (before migration 6) it is unknown. */
function hasPrice(sql: Sql) {
  return sql`imprecise_count IS DISTINCT FROM trade_count`;
}

/** Compares the source as an expression: with the plain column the planner would do one index lookup per source. */
function isSelected(sql: Sql, { sources, minQuoteVolume }: RowSelection) {
  const isOf = sources === null ? sql`true` : sql`source || '' = ANY(${sources as string[]}::text[])`;
  return minQuoteVolume === null
    ? isOf
    : sql`${isOf} AND quote_volume >= ${formatDecimal(minQuoteVolume)}::text::numeric`;
}

/** Aggregates the rows of `block` to one text: minute, source and volumes, in the order of the rows. */
function packed(sql: Sql) {
  return sql`
    string_agg(
      concat_ws(' ', (extract(epoch FROM block.bucket) / 60)::int, block.source, block.base_volume, block.quote_volume),
      ',')`;
}

function unpacked(blocks: string): BlockRow[] {
  let [last, from] = ["", 0n];
  return blocks.split(",").map((block) => {
    const [minute = "", source = "", base = "", quote = ""] = block.split(" ");
    // Rows of one block follow each other.
    if (minute !== last) [last, from] = [minute, BigInt(minute) * MINUTE];
    return { from, source, base, quote };
  });
}
