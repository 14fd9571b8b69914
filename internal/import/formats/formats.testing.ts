import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { formatDecimal } from "../../canonical/decimal.ts";
import { formatPair } from "../../canonical/pair.ts";
import { formatTime } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import type { Write } from "../batch-writer.ts";
import type { BadRow } from "../file-kind.ts";
import { importFile } from "../import-file.ts";
import { openInputs } from "../inputs.ts";
import type { Given } from "./given.ts";
import type { Understood } from "./recognition.ts";

/** What became of the files that a file holds. */
export interface Imported {
  /** The stored rows as `ts source pair base_amount quote_amount id`. */
  readonly rows: readonly string[];
  /** Bad rows as `line: reason`. */
  readonly bad: readonly string[];
  /** Why files were not imported, or not completely. */
  readonly refused: readonly string[];
  readonly understood: readonly Understood[];
  /** Number of rows that were stored before. */
  readonly known: number;
}

const inList: Write = async (batch) => ({ inserted: batch.length, known: 0, conflicting: [] });

/** Imports a file of this name and content; its rows are listed, and written by `write`. */
export async function importAs(
  name: string,
  content: string | Buffer,
  given: Given = {},
  write: Write = inList,
): Promise<Imported> {
  const directory = mkdtempSync(join(tmpdir(), "formats-test-"));
  const result = { rows: [] as string[], bad: [] as string[], refused: [] as string[], understood: [] as Understood[] };
  let known = 0;
  try {
    writeFileSync(join(directory, name), content);
    const { inputs } = await openInputs([join(directory, name)], Readable.from([]));
    for (const input of inputs) {
      const { end } = await importFile(input, {
        recognition: { given, onUnderstood: (understood) => result.understood.push(understood) },
        async write(batch) {
          result.rows.push(...batch.map(textOf));
          const outcome = await write(batch);
          known += outcome.known;
          return outcome;
        },
        onBadRow: ({ line, reason }: BadRow) => result.bad.push(`${line}: ${reason}`),
      });
      if ("reason" in end) result.refused.push(end.reason);
    }
    return { ...result, known };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function textOf(row: TradeRow): string {
  const amounts = `${formatDecimal(row.baseAmount)} ${formatDecimal(row.quoteAmount)}`;
  return `${formatTime(row.ts)} ${row.source} ${formatPair(row)} ${amounts} ${row.tradeId}`;
}
