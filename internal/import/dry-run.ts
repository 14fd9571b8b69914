import { formatDecimal } from "../canonical/decimal.ts";
import { formatPair } from "../canonical/pair.ts";
import { formatTime } from "../canonical/time.ts";
import type { FileKind, FileLine, FileRow } from "./file-kind.ts";
import type { Given } from "./formats/given.ts";
import { formatUnderstood, type Understood } from "./formats/recognition.ts";
import type { Input } from "./input.ts";
import { readTrades } from "./read-trades.ts";

const ROWS_SHOWN = 5;

export interface DryRunOptions {
  readonly kind: FileKind;
  readonly given: Given;
  readonly print: (line: string) => void;
  readonly complain: (line: string) => void;
}

/**
 * Prints what is understood of each input and its first five trades, as they would be stored. Reads no further than
 * that, and writes nothing.
 * @returns whether each input could be read, and has a trade among its first rows
 */
export async function dryRun(inputs: readonly Input[], options: DryRunOptions): Promise<boolean> {
  let isAllGood = true;
  for (const input of inputs) if (!(await showFirst(input, options))) isAllGood = false;
  return isAllGood;
}

async function showFirst(input: Input, { kind, given, print, complain }: DryRunOptions): Promise<boolean> {
  const { label } = input;
  const onUnderstood = (understood: Understood): void => print(`${label}: ${formatUnderstood(understood)}`);
  let shown = 0;
  let bad = 0;
  const show = (row: FileRow): void => {
    if ("reason" in row) {
      bad += 1;
      if (bad <= ROWS_SHOWN) complain(`${label}:${row.line}: ${row.reason}`);
    } else if (!("skipped" in row)) {
      shown += 1;
      print(`${label}:${row.line}: ${formatTrade(row)}`);
    }
  };
  try {
    for await (const rows of readTrades(input, kind, () => {}, { given, onUnderstood })) {
      for (const row of rows) if (shown < ROWS_SHOWN && bad < ROWS_SHOWN) show(row);
      if (shown === ROWS_SHOWN || bad === ROWS_SHOWN) break;
    }
  } catch (error) {
    if (!(error instanceof Error) || !["InputError", "BrokenFile"].includes(error.name)) throw error;
    complain(`${label}: ${error.message}`);
    return false;
  }
  if (shown + bad === 0) print(`${label}: has no trades`);
  return shown > 0 || bad === 0;
}

function formatTrade(row: FileLine): string {
  const amounts = `${formatDecimal(row.baseAmount)} for ${formatDecimal(row.quoteAmount)}`;
  const id = row.tradeId === undefined ? "an id made by --ids" : `trade ${row.tradeId}`;
  return `${formatTime(row.ts)} ${row.source} ${formatPair(row)} ${amounts}, ${id}`;
}
