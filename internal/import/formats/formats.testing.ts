import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { formatDecimal } from "../../canonical/decimal.ts";
import { formatPair } from "../../canonical/pair.ts";
import { formatTime } from "../../canonical/time.ts";
import type { FiledRow } from "../batch-writer.ts";
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
}

/** Imports a file of this name and content into a list. */
export async function importAs(name: string, content: string | Buffer, given: Given = {}): Promise<Imported> {
  const directory = mkdtempSync(join(tmpdir(), "formats-test-"));
  const result = { rows: [] as string[], bad: [] as string[], refused: [] as string[], understood: [] as Understood[] };
  try {
    writeFileSync(join(directory, name), content);
    const { inputs } = await openInputs([join(directory, name)], Readable.from([]));
    for (const input of inputs) {
      const { end } = await importFile(input, {
        recognition: { given, onUnderstood: (understood) => result.understood.push(understood) },
        async write(batch) {
          result.rows.push(...batch.map(textOf));
          return { inserted: batch.length, known: 0, conflicting: [] };
        },
        onBadRow: ({ line, reason }: BadRow) => result.bad.push(`${line}: ${reason}`),
      });
      if ("reason" in end) result.refused.push(end.reason);
    }
    return result;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function textOf(row: FiledRow): string {
  const amounts = `${formatDecimal(row.baseAmount)} ${formatDecimal(row.quoteAmount)}`;
  return `${formatTime(row.ts)} ${row.source} ${formatPair(row)} ${amounts} ${row.tradeId}`;
}
