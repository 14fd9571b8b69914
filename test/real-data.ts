import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Policy } from "../internal/aggregate/policy.ts";
import type { ApiContext } from "../internal/api/context.ts";
import { TEST_SETTINGS } from "../internal/api/v1/api.testing.ts";
import { openStore } from "../internal/cache/store.ts";
import { importFile } from "../internal/import/import-file.ts";
import { stopwatch } from "../internal/obs/clock.ts";
import type { Database } from "../internal/storage/database.ts";
import { writeTrades } from "../internal/storage/trades.ts";

const directory = fileURLToPath(new URL("../../shared/data", import.meta.url));

/** Where real trades lie beside the project, or null. */
export const REAL_DATA: string | null = existsSync(directory) ? directory : null;
if (REAL_DATA === null)
  console.log("left out: tests on real trades, because there is no shared/data beside the project");

/** Imports every file of real trades whose name has `part` in it. */
export async function importRealTrades(database: Database, part = ""): Promise<void> {
  for (const file of readdirSync(`${REAL_DATA}/trades`).filter((name) => name.includes(part))) {
    await importFile(`${REAL_DATA}/trades/${file}`, {
      write: (rows) => writeTrades(database, rows),
      onBadRow: () => {},
      onProgress: () => {},
      signal: new AbortController().signal,
    });
  }
}

/** An API over a database with default timings, without targets and with an empty store; `now` is to be given. */
export function apiOver(database: Database, policy: Policy): Omit<ApiContext, "now"> {
  return {
    database,
    policy,
    store: openStore({ url: "memory:", key_prefix: "" }),
    stopwatch,
    settings: { ...TEST_SETTINGS, pairs: [] },
  };
}
