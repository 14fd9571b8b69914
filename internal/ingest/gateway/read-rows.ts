import type { Micros } from "../../canonical/time.ts";
import { type TradeField, type TradeTexts, validateTrade } from "../../canonical/trade.ts";
import { futureProblem } from "../../canonical/trade-rules.ts";
import { PROBLEMS, Problem } from "../../http/problem.ts";
import { InvalidJson, isObject, JsonNumber, parseJson } from "../../lib/exact-json.ts";
import type { RowResult, SentTrade } from "../sent-trade.ts";
import { splitLines } from "./split-lines.ts";
import { TRADE_FIELDS } from "./trade-schema.ts";

/** A row of a body: a valid trade, or why there is none. */
export interface ReadRow {
  /** From 1; in a stream, its line. */
  readonly row: number;
  readonly read: SentTrade | Extract<RowResult, { status: "rejected" }>;
  /** The line, where it is not JSON at all. */
  readonly unreadable?: string;
}

/** Who sent a body, and what is accepted of that sender. */
export interface Sender {
  /** The name of its API key; empty for none. */
  readonly name: string;
  readonly mayWrite: (source: string) => boolean;
  readonly now: () => Micros;
}

const MAX_JSON_BYTES = 1_048_576;
/** Each of them is named in the answer. */
const MAX_JSON_ROWS = 10_000;
const MAX_LINE_BYTES = 65_536;
/** Rows of a stream that are written together. */
const ROWS_TOGETHER = 2_000;

/**
 * Reads a JSON body: one trade, or a list of them.
 * @throws Problem where it is too large or not such JSON
 */
export async function readJsonRows(bytes: AsyncIterable<Uint8Array>, sender: Sender): Promise<ReadRow[]> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > MAX_JSON_BYTES) throw tooLarge(`${MAX_JSON_BYTES} bytes`);
    chunks.push(chunk);
  }
  const value = parsed(Buffer.concat(chunks).toString());
  if (value instanceof InvalidJson) throw malformed("the body is not valid JSON");
  const rows = Array.isArray(value) ? value : [value];
  if (!Array.isArray(value) && !isObject(value)) throw malformed("the body is neither a trade nor a list of trades");
  if (rows.length > MAX_JSON_ROWS) throw tooLarge(`${MAX_JSON_ROWS} trades`);
  return rows.map((row, index) => ({ row: index + 1, read: readRow(row, sender) }));
}

/** Reads the lines of a stream in groups; blank ones are skipped. */
export async function* readLineRows(bytes: AsyncIterable<Uint8Array>, sender: Sender): AsyncGenerator<ReadRow[]> {
  let rows: ReadRow[] = [];
  let row = 0;
  for await (const lines of splitLines(bytes, MAX_LINE_BYTES)) {
    for (const line of lines) {
      row += 1;
      if (line === null) rows.push({ row, read: rejected(null, `the line has more than ${MAX_LINE_BYTES} bytes`) });
      else if (line.trim() !== "") rows.push({ row, ...readLine(line, sender) });
      if (rows.length < ROWS_TOGETHER) continue;
      yield rows;
      rows = [];
    }
  }
  if (rows.length > 0) yield rows;
}

function readLine(line: string, sender: Sender): Omit<ReadRow, "row"> {
  const value = parsedLine(line);
  if (value instanceof InvalidJson) return { read: rejected(null, "the line is not JSON"), unreadable: line };
  return { read: readRow(value, sender) };
}

function readRow(value: unknown, { name, mayWrite, now }: Sender): ReadRow["read"] {
  if (!isObject(value)) return rejected(null, "is not a JSON object");
  const texts: { [field in TradeField]?: string } = {};
  for (const field of TRADE_FIELDS) {
    const given = value[field];
    if (given === undefined || given === null) continue;
    if (typeof given === "string") texts[field] = given;
    else if (given instanceof JsonNumber) texts[field] = given.text;
    else return rejected(field, "is neither a text nor a number");
  }
  return readTexts(texts, name, mayWrite, now());
}

function readTexts(texts: TradeTexts, sender: string, mayWrite: Sender["mayWrite"], clock: Micros): ReadRow["read"] {
  const read = validateTrade(texts);
  if ("problems" in read) {
    const [problem] = read.problems;
    return rejected(problem?.field ?? null, problem?.reason ?? "is no trade");
  }
  const { trade } = read;
  if (!mayWrite(trade.source)) return rejected("source", `the API key may not write trades of ${trade.source}`);
  const future = futureProblem(trade.ts, clock);
  return future === null ? { ...trade, sender } : rejected("ts", future);
}

/** Most lines have no number outside a text, and one pass is enough for them. */
function parsedLine(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    const hasNumber = isObject(value) && TRADE_FIELDS.some((field) => typeof value[field] === "number");
    return hasNumber ? parsed(line) : value;
  } catch {
    return parsed(line);
  }
}

/** Returns JSON with the digits of its numbers, or the error. */
function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof InvalidJson) return error;
    throw error;
  }
}

function rejected(field: TradeField | null, reason: string): Extract<RowResult, { status: "rejected" }> {
  return { status: "rejected", field, reason };
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
