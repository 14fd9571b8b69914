import type { Micros } from "../../canonical/time.ts";
import type { TradeTexts } from "../../canonical/trade.ts";
import { Problem } from "../../http/problem.ts";
import type { QuarantineEntry } from "../../storage/ingest/quarantine.ts";
import { type RowResult, readSentTrade, type SentTrade } from "../sent-trade.ts";
import type { TradeWriter } from "../trade-writer.ts";
import { groupLines, readJsonRows, readLines, receiveJson } from "./read-rows.ts";
import type { Sender } from "./read-trade.ts";
import { LINES_TYPE } from "./take-rows.ts";
import { utf8Body } from "./utf8-body.ts";

/** What became of an entry that was tried again. */
export interface RetryOutcome {
  /** Whether all of its trades are stored now, so that it is no longer needed. */
  readonly isDone: boolean;
  /** How many of them are stored. */
  readonly stored: number;
  /** Why the first of the others is not; null where all are. */
  readonly reason: string | null;
}

/** Tries to store what is in an entry of the quarantine, for its sender; of any source, since an operator asks for it. */
export async function retryEntry(entry: QuarantineEntry, write: TradeWriter, now: () => Micros): Promise<RetryOutcome> {
  if (entry.isCut) return refused("only its start is kept: ask the sender for the rest");
  let rows: readonly (SentTrade | RowResult)[];
  try {
    rows = await readEntry(entry, { name: entry.sender, mayWrite: () => true, now });
  } catch (error) {
    if (error instanceof Problem) return refused(error.message);
    throw error;
  }
  const trades = rows.flatMap((row) => ("status" in row ? [] : row));
  const results = [...rows.flatMap((row) => ("status" in row ? row : [])), ...(await write(trades))];
  const others = results.filter(({ status }) => status === "conflict" || status === "rejected");
  return { isDone: others.length === 0, stored: results.length - others.length, reason: reasonOf(others[0]) };
}

async function readEntry({ kind, content, contentType }: QuarantineEntry, sender: Sender) {
  const text = Buffer.from(content).toString();
  if (kind !== "malformed") return [readSentTrade(JSON.parse(text) as TradeTexts, sender.name)];
  const bytes = utf8Body(bytesOf(content));
  if (contentType !== LINES_TYPE) return (await readJsonRows(await receiveJson(bytes), sender)).map(({ read }) => read);
  const rows: (SentTrade | RowResult)[] = [];
  for await (const lines of groupLines(bytes)) rows.push(...(await readLines(lines, sender)).map(({ read }) => read));
  return rows;
}

async function* bytesOf(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

function refused(reason: string): RetryOutcome {
  return { isDone: false, stored: 0, reason };
}

function reasonOf(result: RowResult | undefined): string | null {
  if (result === undefined) return null;
  if (result.status !== "rejected") return "it is stored with other amounts";
  return result.field === null ? result.reason : `${result.field} ${result.reason}`;
}
