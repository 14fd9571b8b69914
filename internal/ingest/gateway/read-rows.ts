import { setImmediate as turnOfLoop } from "node:timers/promises";
import { MAX_DEPTH } from "../../http/body.ts";
import { PROBLEMS, Problem } from "../../http/problem.ts";
import { InvalidJson, isObject, parseJson } from "../../lib/exact-json.ts";
import { isDeeperThan } from "../../lib/json-depth.ts";
import type { SentTrade } from "../sent-trade.ts";
import { TRADE_COLUMNS } from "../trade-fields.ts";
import { type Rejected, readTrade, rejected, type Sender } from "./read-trade.ts";
import { splitLines } from "./split-lines.ts";
import { TRADE_FIELDS } from "./trade-schema.ts";

/** A row of a body: a valid trade, or why there is none. */
export interface ReadRow {
  /** From 1; in a stream, its line. */
  readonly row: number;
  readonly read: SentTrade | Rejected;
  /** The line, where it is not JSON at all. */
  readonly unreadable?: string;
}

/** A line of a stream; null where it is too long. */
export interface Line {
  /** From 1. */
  readonly row: number;
  readonly text: string | null;
}

const MAX_JSON_BYTES = 1_048_576;
/** Each of them is named in the answer. */
const MAX_JSON_ROWS = 10_000;
const MAX_LINE_BYTES = 65_536;
/** Rows of a stream that are written together. */
const ROWS_TOGETHER = 5_000;
/** Rows that are read at a stretch, for some milliseconds, in which nobody else is answered. */
const ROWS_AT_A_STRETCH = 250;
const FIELDS: ReadonlySet<string> = new Set([...TRADE_FIELDS, ...TRADE_COLUMNS]);

/** Returns the whole of a JSON body. @throws Problem where it is too large */
export async function receiveJson(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > MAX_JSON_BYTES) throw tooLarge(`${MAX_JSON_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Reads a JSON body: one trade, or a list of them.
 * @throws Problem where it is not such JSON, or has too many trades
 */
export async function readJsonRows(body: Buffer, sender: Sender): Promise<ReadRow[]> {
  if (isDeeperThan(body, MAX_DEPTH)) {
    throw malformed(`the body has more than ${MAX_DEPTH} objects and lists in each other`);
  }
  const value = readJson(body.toString());
  if (value instanceof InvalidJson) throw malformed(`the body is not valid JSON${isLines(body) ? LINES_CURE : ""}`);
  if (!Array.isArray(value) && !isObject(value)) throw malformed("the body is neither a trade nor a list of trades");
  const rows: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (rows.length > MAX_JSON_ROWS) throw tooLarge(`${MAX_JSON_ROWS} trades`);
  return inStretches(rows, (row, index) => ({ row: index + 1, read: readTrade(row, sender) }));
}

/** Splits a stream into groups of lines; blank ones are left out. */
export async function* groupLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Line[]> {
  let group: Line[] = [];
  let row = 0;
  for await (const lines of splitLines(bytes, MAX_LINE_BYTES)) {
    for (const text of lines) {
      row += 1;
      if (text === null || text.trim() !== "") group.push({ row, text });
      if (group.length < ROWS_TOGETHER) continue;
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

export function readLines(lines: readonly Line[], sender: Sender): Promise<ReadRow[]> {
  return inStretches(lines, ({ row, text }) => ({ row, ...readLine(text, sender) }));
}

function readLine(text: string | null, sender: Sender): Omit<ReadRow, "row"> {
  if (text === null) return { read: rejected(null, `the line has more than ${MAX_LINE_BYTES} bytes`) };
  const value = readJson(text);
  if (value instanceof InvalidJson) return { read: rejected(null, "the line is not JSON"), unreadable: text };
  return { read: readTrade(value, sender) };
}

async function inStretches<Item, Result>(
  items: readonly Item[],
  read: (item: Item, index: number) => Result,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % ROWS_AT_A_STRETCH === 0) await turnOfLoop();
    results.push(read(item, index));
  }
  return results;
}

/**
 * Returns JSON, with the digits of the numbers of trades, or the error. Most bodies have no number outside a text, and one
 * pass is enough for them.
 */
function readJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    const rows: readonly unknown[] = Array.isArray(value) ? value : [value];
    return rows.length <= MAX_JSON_ROWS && rows.some(hasNumber) ? parseJson(text) : value;
  } catch {
    return new InvalidJson("it is not valid JSON");
  }
}

function hasNumber(value: unknown): boolean {
  if (!isObject(value)) return typeof value === "number";
  for (const field of FIELDS) if (typeof value[field] === "number") return true;
  return false;
}

const LINES_CURE = "; one trade a line is a body of application/x-ndjson";

/** Whether the first line of a body is JSON of its own. */
function isLines(body: Buffer): boolean {
  const end = body.indexOf("\n");
  return end !== -1 && !(readJson(body.subarray(0, end).toString()) instanceof InvalidJson);
}

function tooLarge(most: string): Problem {
  return new Problem(
    PROBLEMS["body-too-large"],
    `a JSON body has at most ${most}; send more as application/x-ndjson, one trade a line`,
  );
}

function malformed(detail: string): Problem {
  return new Problem(PROBLEMS["malformed-body"], detail);
}
