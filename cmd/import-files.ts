import { existsSync } from "node:fs";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import { type Config, policySettings } from "../internal/config/schema.ts";
import { openMigratedDatabase } from "../internal/daemon/migrated-database.ts";
import { endWithinTime } from "../internal/daemon/stop-signal.ts";
import type { FileKind } from "../internal/import/file-kind.ts";
import type { Given } from "../internal/import/formats/given.ts";
import { type ImportFilesOptions, importFiles } from "../internal/import/import-files.ts";
import type { Input } from "../internal/import/input.ts";
import { STDIN } from "../internal/import/inputs.ts";
import { notInTheFuture } from "../internal/import/not-future.ts";
import { notRemoved } from "../internal/import/not-removed.ts";
import { inOneOrientation } from "../internal/import/one-orientation.ts";
import { createProgress } from "../internal/import/progress.ts";
import type { IdMode } from "../internal/import/trade-id.ts";
import { storedOrientations } from "../internal/ingest/stored-orientations.ts";
import { systemClock } from "../internal/lib/clock.ts";
import { makePolicy, type Policy } from "../internal/policy/policy.ts";
import { configuredSpellings } from "../internal/policy/query.ts";
import { readOnly } from "../internal/storage/connection/read-only.ts";
import { requireWritable } from "../internal/storage/connection/writable.ts";
import { batchWriterFor } from "../internal/storage/schema/chunked-writes.ts";
import { UsageError } from "./usage-error.ts";

const FAILURE = 1;

const NO_OTHERS = `Standard input and pipes
are not supported, as a file may have to be read twice.`;

/** Returns the help of a command that imports files; `columns` describes their columns. */
export function importHelp(columns: string, others = NO_OTHERS): string {
  return `
Files are CSV with a header line, or NDJSON (one object per line, same names), plain or gzip, detected by content.

${columns}
Other columns are ignored. A row is one line. Bad rows are reported and skipped; among them are rows dated in the
future, and rows of a market that is stored inverted, under any alias. Rows that are stored already
are not changed, so an import can be repeated; those stored with other amounts are reported. ${others}

Exit status: 0 when every file was read completely, even with bad rows; 1 when a file lacks columns, is corrupt, changed
during the import or has only bad rows, the database failed, or the import was interrupted; 2 for wrong usage, such as a
missing file.
`;
}

/** What is imported: files, or inputs made of them, and how they are read. */
export interface ImportRequest {
  readonly files: readonly (string | Input)[];
  readonly kind: FileKind;
  readonly ids?: IdMode;
  /** What the user says about files in other forms; without it, they are refused. */
  readonly given?: Given;
}

/** @throws UsageError where a file is missing, or standard input is named */
export function requireFiles(files: readonly string[]): void {
  if (files.includes(STDIN)) {
    throw new UsageError("-: standard input is not supported; write it to a file first: COMMAND > trades.csv");
  }
  const absent = files.filter((file) => !existsSync(file));
  if (absent.length > 0) throw new UsageError(`no such file: ${absent.join(", ")}`);
}

/**
 * Imports files of one kind into the configured database; a signal interrupts it.
 * @returns the exit status
 * @throws UsageError where the database is in memory
 */
export async function runImport({ files, kind, ids, given }: ImportRequest, config: Config): Promise<number> {
  const { database: settings } = config;
  if (settings.url === "pglite:memory") {
    throw new UsageError("database.url is pglite:memory, which is lost when the import ends; use pglite:<directory>");
  }
  const policy = makePolicy(policySettings(config));
  const options = {
    kind: notInTheFuture(kind, systemClock.now),
    progress: createProgress(process.stderr),
    spellings: configuredSpellings(publishedPairs(config), policy),
    ...(ids && { ids }),
    ...(given && { given }),
  };
  return (await importInto(settings, policy, files, options)) ? 0 : FAILURE;
}

async function importInto(
  settings: Config["database"],
  policy: Policy,
  files: ImportRequest["files"],
  options: Pick<ImportFilesOptions, "kind" | "ids" | "given" | "spellings" | "progress">,
): Promise<boolean> {
  const interruption = new AbortController();
  const interrupt = (): void => {
    options.progress.log("stopping once the rows read so far are stored");
    endWithinTime();
    interruption.abort();
  };
  // With one connection, batches are stored in the order of the file.
  const db = await openMigratedDatabase({ ...settings, max_connections: 1 });
  try {
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
    await requireWritable(db.sql);
    const completeFrom = await readOnly(db, async (_sql, horizons) => horizons.get("trades") ?? null);
    const stored = storedOrientations(db, policy, systemClock.now);
    return await importFiles(files, {
      ...options,
      kind: notRemoved(options.kind, completeFrom),
      write: inOneOrientation(await batchWriterFor(db, systemClock.now), stored),
      storedInverse: stored.inverse,
      signal: interruption.signal,
      print: (line) => process.stdout.write(`${line}\n`),
    });
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    await db.close();
  }
}
