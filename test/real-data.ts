import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { ApiContext } from "../internal/api/context.ts";
import { TEST_SETTINGS } from "../internal/api/v1/api.testing.ts";
import { openStore } from "../internal/cache/open-store.ts";
import type { TradeRow } from "../internal/canonical/trade.ts";
import { importFile } from "../internal/import/import-file.ts";
import { rateFile } from "../internal/import/rate-row.ts";
import { stopwatch } from "../internal/lib/clock.ts";
import type { Policy } from "../internal/policy/policy.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";

const directory = fileURLToPath(new URL("../../shared/data", import.meta.url));

/** The directory of real trades beside the project, or null. */
export const REAL_DATA: string | null = existsSync(directory) ? directory : null;
if (REAL_DATA === null)
  console.log("left out: tests on real trades, because there is no shared/data beside the project");

/** Imports every file of real trades whose name contains `part`, and applies `change` to each trade. */
export async function importRealTrades(
  database: Database,
  part = "",
  change: (row: TradeRow) => TradeRow = (row) => row,
): Promise<void> {
  for (const file of readdirSync(`${REAL_DATA}/trades`).filter((name) => name.includes(part))) {
    await importFile(`${REAL_DATA}/trades/${file}`, {
      write: (rows) =>
        writeTrades(
          database,
          rows.map((row) => ({ ...change(row), line: row.line })),
        ),
      onBadRow: () => {},
      onProgress: () => {},
      signal: new AbortController().signal,
    });
  }
}

/** Creates an API over a database with default timings, without targets, with an empty store, at the time `now`. */
export function apiOver(database: Database, policy: Policy): Omit<ApiContext, "now"> {
  return {
    database,
    policy,
    store: openStore({ url: "memory:", key_prefix: "" }),
    stopwatch,
    settings: { ...TEST_SETTINGS, pairs: [] },
  };
}

/** Imports the rates of the European Central Bank whose day, such as `2012-12-31`, starts with one of `days`. */
export async function importRealRates(database: Database, ...days: readonly string[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-rates-"));
  try {
    const [header = "", ...rows] = readRealLines("fx/ecb_eurofxref_2011-2026.csv.gz");
    const asked = rows.filter((row) => days.some((day) => row.startsWith(day)));
    const file = join(directory, "ecb.csv");
    writeFileSync(file, [header, ...asked, ""].join("\n"));
    const { end } = await importFile(file, { kind: rateFile("ecb"), write: (batch) => writeTrades(database, batch) });
    if (end.kind !== "complete") throw new Error(`the rates were not imported: ${JSON.stringify(end)}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Returns the lines of a file of real data, with the header first. */
export function readRealLines(file: string): string[] {
  return gunzipSync(readFileSync(`${REAL_DATA}/${file}`))
    .toString("utf8")
    .trimEnd()
    .split("\n");
}
