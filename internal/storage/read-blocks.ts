import { once } from "../aggregate/once.ts";
import type { Block } from "../aggregate/reader.ts";
import { MOST_HOURS } from "../aggregate/recent-price.ts";
import { type Bucket, HOUR, MINUTE } from "../canonical/bucket.ts";
import { formatDecimal } from "../canonical/decimal.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { earlierOf } from "../canonical/time.ts";
import type { Sql } from "./database.ts";
import { inRange, type Range, unnestRanges } from "./ranges.ts";
import { type BlockQuestion, type BlockRow, type BlockSource, blocksOf } from "./recent-blocks.ts";
import { together } from "./together.ts";

/** The block rows of the question `part`, as one text: to read them as rows would take the process several times as long. */
interface BlockRecord {
  readonly part: number;
  readonly blocks: string;
}

type Table = "trades_1h" | "trades_1m";

/** Reads the blocks of many questions in few statements, and each of them once. */
export function storedBlocks(sql: Sql): BlockSource {
  return { lastHours: blocksIn(sql, "trades_1h", MOST_HOURS), minutes: blocksIn(sql, "trades_1m", null) };
}

/** Which rows count; those of one selection are asked for together. */
type RowSelection = Pick<BlockQuestion, "sources" | "leastQuote">;

/** Questions with one selection of rows are asked together, and each once. */
function blocksIn(sql: Sql, table: Table, most: number | null): (question: BlockQuestion) => Promise<readonly Block[]> {
  const bySelection = new Map<string, (question: BlockQuestion) => Promise<Block[]>>();
  return (question) => {
    const { sources, leastQuote } = question;
    const key = `${leastQuote && formatDecimal(leastQuote)} ${textOf(sources)}`;
    const ask =
      bySelection.get(key) ??
      once(
        keyOf,
        together((questions: readonly BlockQuestion[]) =>
          readBlocks(sql, table, most, { sources, leastQuote }, questions),
        ),
      );
    bySelection.set(key, ask);
    return ask(question);
  };
}

/** The same list of sources comes with very many questions. */
const sourceTexts = new WeakMap<readonly string[], string>();

function textOf(sources: readonly string[] | null): string {
  if (sources === null) return "";
  const text = sourceTexts.get(sources) ?? JSON.stringify(sources);
  sourceTexts.set(sources, text);
  return text;
}

/** The pairs and the stretch of a question as text. */
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

/** How many rows are read of a pair at first, for each of the blocks that are wanted; and how many times more then. */
const ROWS_PER_BLOCK = 8;
const MORE_ROWS = 8;

/**
 * The rows of the last blocks of each range: so many rows from the end of the index on, and more of them where these are of
 * too few blocks. The limit makes it such a read whatever the planner knows.
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
        -- The earliest block may not be all there.
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

/** All rows of each range, newest first. */
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

/** The ranges, each a part of its own. */
function numbered(ranges: readonly Range[]): Range[] {
  return ranges.map((range, part) => ({ ...range, part }));
}

/** Questions about the last hours of the same pairs that end so few hours apart are read together. */
const MOST_APART = 1;

interface BlockGroup extends BlockQuestion {
  readonly asked: readonly BlockQuestion[];
}

/** Groups of questions with the stretch that holds all of theirs. */
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

const EVERY_ROW: RowSelection = { sources: null, leastQuote: null };

/** All rows of each pair in the bucket, newest first. */
export function readBlockRows(sql: Sql, table: Table, bucket: Bucket, pairs: readonly Pair[]): Promise<BlockRow[][]> {
  return readAllRows(
    sql,
    table,
    EVERY_ROW,
    pairs.map((pair, part) => ({ part, pair, ...bucket })),
  );
}

/** Rollups that hold a trade that forms a price, as far as they know. */
function hasPrice(sql: Sql) {
  return sql`imprecise_count IS DISTINCT FROM trade_count`;
}

/** The source as an expression: by its column, each source would be looked up in the index by itself. */
function isSelected(sql: Sql, { sources, leastQuote }: RowSelection) {
  const isOf = sources === null ? sql`true` : sql`source || '' = ANY(${sources as string[]}::text[])`;
  return leastQuote === null ? isOf : sql`${isOf} AND quote_volume >= ${formatDecimal(leastQuote)}::text::numeric`;
}

/** Minute, source and volumes of each row of `block`, in their order. */
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
