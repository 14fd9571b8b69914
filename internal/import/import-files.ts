import { basename } from "node:path";
import type { Spellings } from "../canonical/known-assets.ts";
import type { StoredOrientations } from "../ingest/stored-orientations.ts";
import type { Write } from "./batch-writer.ts";
import type { FileKind } from "./file-kind.ts";
import type { Given } from "./formats/given.ts";
import { formatUnderstood, type Understood } from "./formats/recognition.ts";
import { type ImportResult, importFile } from "./import-file.ts";
import { fileInput, type Input } from "./input.ts";
import type { Progress } from "./progress.ts";
import {
  addCounts,
  formatConflicts,
  formatCounts,
  formatEmpty,
  formatEnd,
  formatInverted,
  formatMisspelt,
  formatSkipped,
  INVERTED_NAMED,
  isAllBad,
} from "./summary.ts";
import type { IdMode } from "./trade-id.ts";

const BAD_ROWS_SHOWN = 20;

export interface ImportFilesOptions {
  readonly write: Write;
  readonly kind: FileKind;
  /** What the user says about files in other forms than those of the kind; without it, they are refused. */
  readonly given?: Given;
  /** How rows without a trade id get one. */
  readonly ids?: IdMode;
  /** Spellings of the configured assets. */
  readonly spellings?: Spellings;
  /** Returns what is stored of a market in the inverse orientation. */
  readonly storedInverse?: StoredOrientations["inverse"];
  readonly signal?: AbortSignal;
  readonly progress: Progress;
  /** Prints the result: a line per file, and a total if there are several. */
  readonly print: (line: string) => void;
}

/**
 * Imports inputs, or files by their paths, one after another and reports the outcome of each. After an interruption or a storage failure, the
 * remaining files are not read.
 * @returns whether all files were read to their end and stored. Bad rows are tolerated unless a file has no others
 */
export async function importFiles(files: readonly (string | Input)[], options: ImportFilesOptions): Promise<boolean> {
  const { progress, print } = options;
  const results: ImportResult[] = [];
  const inputs = files.map((file) => (typeof file === "string" ? fileInput(file) : file));
  const paths = inputs.map(({ label }) => label);
  for (const input of inputs) {
    const path = input.label;
    const result = await importOne(input, options);
    results.push(result);
    print(`${path}: ${formatCounts(result)}`);
    const inverted = await formatAllInverted(result, options);
    const formats = [formatEmpty, formatSkipped, formatConflicts, () => inverted, formatMisspelt];
    const notes = formats.flatMap((format) => format(result));
    const lines = [...notes, formatEnd(result) ?? [], isAllBad(result) ? "none of its rows can be used" : []].flat();
    for (const line of lines) progress.log(`${path}: ${line}`);
    if (result.end.kind === "interrupted" || result.end.kind === "failed") break;
  }
  const total = addCounts(results);
  if (paths.length > 1) print(`total: ${formatCounts(total)}`);
  if (results.length < paths.length) progress.log(`files not imported yet: ${paths.slice(results.length).join(", ")}`);
  if (total.bad > 0) progress.log(`bad rows skipped: ${total.bad}`);
  return (
    results.length === paths.length && results.every((result) => result.end.kind === "complete" && !isAllBad(result))
  );
}

/** Returns a line for each of the first markets whose rows were refused because of the inverse orientation. */
async function formatAllInverted(
  { inverted, end }: ImportResult,
  { storedInverse }: ImportFilesOptions,
): Promise<string[]> {
  const lines: string[] = [];
  for (const refused of [...inverted.values()].slice(0, INVERTED_NAMED)) {
    const stored = end.kind === "failed" ? [] : await storedInverse?.(refused);
    lines.push(formatInverted(refused, stored ?? []));
  }
  const more = inverted.size - lines.length;
  return more > 0
    ? [...lines, `and rows of ${more} further markets that are stored in the inverse orientation`]
    : lines;
}

async function importOne(
  input: Input,
  { write, kind, given, ids, spellings, signal, progress }: ImportFilesOptions,
): Promise<ImportResult> {
  const path = input.label;
  let bad = 0;
  const report = (understood: Understood): void => {
    const isPlain = understood.format === null && Object.keys(given ?? {}).length === 0;
    if (!isPlain) progress.log(`${path}: ${formatUnderstood(understood)}`);
  };
  progress.start(basename(path));
  try {
    return await importFile(input, {
      write,
      kind,
      ...(given && { recognition: { given, onUnderstood: (what) => report(what) } }),
      ...(ids && { ids }),
      ...(spellings && { spellings }),
      ...(signal && { signal }),
      onProgress: progress.update,
      onBadRow({ line, reason }) {
        bad += 1;
        if (bad <= BAD_ROWS_SHOWN) progress.log(`${path}:${line}: ${reason}`);
        else if (bad === BAD_ROWS_SHOWN + 1) progress.log(`${path}: further bad rows are only counted`);
      },
    });
  } finally {
    progress.stop();
  }
}
