import { existsSync } from "node:fs";
import { makePolicy, type Policy } from "../internal/aggregate/policy.ts";
import { configuredSpellings } from "../internal/aggregate/question.ts";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import { type Config, policySettings } from "../internal/config/schema.ts";
import type { FileKind } from "../internal/import/file-kind.ts";
import { type ImportFilesOptions, importFiles } from "../internal/import/import-files.ts";
import { notInTheFuture } from "../internal/import/not-future.ts";
import { notRemoved } from "../internal/import/not-removed.ts";
import { inOneOrientation } from "../internal/import/one-orientation.ts";
import { createProgress } from "../internal/import/progress.ts";
import { storedOrientations } from "../internal/import/stored-orientations.ts";
import type { IdMode } from "../internal/import/trade-id.ts";
import { systemClock } from "../internal/obs/clock.ts";
import { batchWriterFor } from "../internal/storage/chunked-writes.ts";
import { readOnly } from "../internal/storage/read-only.ts";
import { requireWritable } from "../internal/storage/writable.ts";
import { openMigratedDatabase } from "./settings.ts";
import { endWithinTime } from "./stop-signal.ts";
import { UsageError } from "./usage-error.ts";

const FAILURE = 1;

/** The help of a command that imports files; `columns` tells what is in them. */
export function importHelp(columns: string): string {
  return `
Files are CSV with a header line, or NDJSON (one object a line, same names), plain or gzip; told by the content.

${columns}
Other columns are ignored. A row is one line. A bad row is reported and skipped. What is stored already is left
as it is, so that an import can be run again; rows of the file that are stored with other amounts are named.
Bad are also rows dated in the future, and rows of a market that is stored the other way round, by whatever names.
Standard input and pipes are not read, since a file may have to be read twice.

Exit status: 0 when every file was read to its end, bad rows or not; 1 when a file lacks columns, is broken, was changed
meanwhile or has bad rows only, the database failed, or the import was interrupted; 2 for wrong usage, such as a file
that is not there.
`;
}

/**
 * Imports files of one kind into the configured database, until a signal interrupts it.
 * @returns the exit status
 * @throws UsageError where a file is absent, or the database would not outlive the import
 */
export async function runImport(
  files: readonly string[],
  kind: FileKind,
  config: Config,
  ids?: IdMode,
): Promise<number> {
  const { database: settings } = config;
  if (files.includes("-")) {
    throw new UsageError("- is no file: standard input is not read; write it to a file first: COMMAND > trades.csv");
  }
  const absent = files.filter((file) => !existsSync(file));
  if (absent.length > 0) throw new UsageError(`no such file: ${absent.join(", ")}`);
  if (settings.url === "pglite:memory") {
    throw new UsageError("database.url is pglite:memory, which is gone when the import ends; name a directory");
  }
  const policy = makePolicy(policySettings(config));
  const options = {
    kind: notInTheFuture(kind, systemClock.now),
    progress: createProgress(process.stderr),
    spellings: configuredSpellings(publishedPairs(config), policy),
    ...(ids && { ids }),
  };
  return (await importInto(settings, policy, files, options)) ? 0 : FAILURE;
}

async function importInto(
  settings: Config["database"],
  policy: Policy,
  files: readonly string[],
  options: Pick<ImportFilesOptions, "kind" | "ids" | "spellings" | "progress">,
): Promise<boolean> {
  const interruption = new AbortController();
  const interrupt = (): void => {
    options.progress.log("stopping once what has been read is stored");
    endWithinTime();
    interruption.abort();
  };
  // On one connection batches are stored in the order of the file, one behind the other.
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
