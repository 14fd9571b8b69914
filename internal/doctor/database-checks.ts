import { type Config, policySettings } from "../config/schema.ts";
import type { Aliases } from "../policy/aliases.ts";
import { makePolicy } from "../policy/policy.ts";
import type { Database } from "../storage/connection/database.ts";
import { readOnly } from "../storage/connection/read-only.ts";
import { readDatabaseTime } from "../storage/diagnostics/server.ts";
import { directoryOf, isTaken } from "../storage/embedded/database-directory.ts";
import { openDatabase } from "../storage/open-database.ts";
import { readHorizons } from "../storage/retention/horizons.ts";
import { findLostRows } from "../storage/retention/lost-rows.ts";
import { requireMigrated } from "../storage/schema/migrate.ts";
import { isHypertable } from "../storage/schema/timescale.ts";
import { checkAutovacuum } from "./autovacuum.ts";
import { judgeSkew, readClock } from "./clock-skew.ts";
import { checkReferences } from "./divergence.ts";
import { type Finding, ok, skipped } from "./finding.ts";
import { checkGrants } from "./grants.ts";
import { checkHorizons } from "./horizons.ts";
import { checkLocks } from "./locks.ts";
import { judgeLostRows } from "./lost-rows.ts";
import { checkPooler } from "./pooler.ts";
import { checkRecovery } from "./recovery.ts";
import { checkRights } from "./rights.ts";
import { checkRollups } from "./rollups.ts";
import type { Check } from "./run-checks.ts";
import { checkSchema } from "./schema.ts";
import { checkServerVersion } from "./server-version.ts";
import { checkStoredTrades, type Published } from "./stored-trades.ts";
import { checkTimescale } from "./timescale.ts";
import { checkTimescaleJobs } from "./timescale-jobs.ts";

/** Enough for all checks: one that hangs keeps its connection. */
const CONNECTIONS = 16;
const EMBEDDED = "pglite:";
const INSUFFICIENT_PRIVILEGE = "42501";

/**
 * Returns the checks of the database; the first one opens it. They never write, and never create an embedded database.
 * @param published pairs whose last trades are checked
 */
export function databaseChecks(
  config: Config,
  published: readonly Published[],
  aliases: Aliases,
): { readonly checks: readonly Check[]; readonly close: () => Promise<void> } {
  const { database: settings, aggregate } = config;
  let database: Database | null = null;
  const markets = published.flatMap((each) => each.markets);
  const now = (): bigint => BigInt(Date.now()) * 1000n;
  const opened = (): Database => {
    if (database === null) throw new Error("the database is not open");
    return database;
  };
  const reached = { check: "database", otherwise: "the database could not be opened" };
  const migrated = { check: "migrations", otherwise: "the database is not migrated" };
  const failed = "the message is the database's own; see its log";

  const checks: Check[] = [
    {
      name: "database",
      cure: settings.url.startsWith(EMBEDDED)
        ? "follow the message; docs/embedded.md describes the requirements of an embedded database and its failures"
        : "check [database] url, that the server runs and that this machine may connect (pg_hba.conf, firewall)",
      run: async () => {
        const nothing = nothingToOpen(settings.url);
        if (nothing !== null) return nothing;
        database = await openDatabase({ ...settings, max_connections: CONNECTIONS });
        return ok(`${settings.url} answers`);
      },
    },
    { name: "pooler", needs: reached, cure: failed, run: () => checkPooler(opened()) },
    { name: "server", needs: reached, cure: failed, run: () => checkServerVersion(opened().sql) },
    {
      name: "recovery",
      needs: reached,
      cure: failed,
      run: () => checkRecovery(opened().sql, aggregate.settle_seconds),
    },
    {
      name: "clock",
      needs: reached,
      cure: failed,
      run: async () => {
        const { sql, engine } = opened();
        if (engine === "embedded") return ok("the embedded database uses this machine's clock");
        const reading = await readClock(async () => Number(await readDatabaseTime(sql)) / 1000);
        return judgeSkew("the database's clock", reading, aggregate.settle_seconds);
      },
    },
    {
      name: "autovacuum",
      needs: reached,
      cure: failed,
      run: async () => {
        const { sql, engine } = opened();
        if (engine === "embedded") return skipped("the embedded database has no autovacuum; prune vacuums the tables");
        return checkAutovacuum(sql);
      },
    },
    { name: "rights", needs: reached, cure: failed, run: () => checkRights(opened().sql) },
    {
      name: "grants",
      needs: reached,
      cure: failed,
      run: async () => {
        const { sql, engine } = opened();
        return engine === "embedded" ? skipped("the embedded database has one role") : checkGrants(sql);
      },
    },
    { name: "schema", needs: reached, cure: failed, run: () => checkSchema(opened()) },
    {
      name: "migrations",
      needs: reached,
      cure: "run stellarindex migrate up for an older database; install a newer program for a newer one",
      run: async () => {
        try {
          await requireMigrated(opened());
        } catch (error) {
          if ((error as { code?: unknown }).code === INSUFFICIENT_PRIVILEGE) return skipped("see rights");
          throw error;
        }
        return ok("the database has all migrations of this program");
      },
    },
    {
      name: "timescaledb",
      needs: migrated,
      cure: failed,
      run: () => checkTimescale(opened().sql, settings.timescaledb, settings.retention),
    },
    {
      name: "jobs",
      needs: migrated,
      cure: failed,
      run: () => checkTimescaleJobs(opened().sql, settings.retention),
    },
    {
      name: "horizons",
      needs: migrated,
      cure: failed,
      run: async () => checkHorizons(await readHorizons(opened().sql), aggregate.windows, now()),
    },
    {
      name: "chunks",
      needs: migrated,
      cure: failed,
      run: async () => {
        const { sql } = opened();
        if (!(await isHypertable(sql, "trades"))) return skipped("the tables are not hypertables: there are no chunks");
        // Stored horizons and chunks must come from one snapshot.
        return readOnly(opened(), async (snapshot) =>
          judgeLostRows(await findLostRows(snapshot, await readHorizons(snapshot))),
        );
      },
    },
    { name: "locks", needs: migrated, cure: failed, run: () => checkLocks(opened().sql) },
    {
      name: "rollups",
      needs: migrated,
      cure: failed,
      run: () => checkRollups(opened().sql, markets, aggregate.windows, now()),
    },
    {
      name: "references",
      needs: migrated,
      cure: failed,
      run: () => checkReferences(config, makePolicy(policySettings(config)), opened(), now()),
    },
    {
      name: "trades",
      needs: migrated,
      cure: failed,
      run: () => checkStoredTrades(opened().sql, published, aliases, aggregate.windows.at(-1) ?? 0, now()),
    },
  ];
  return { checks, close: async () => database?.close() };
}

/** Returns a finding if there is no embedded database to open: opening would create one. */
function nothingToOpen(url: string): Finding | null {
  if (!url.startsWith(EMBEDDED)) return null;
  const directory = directoryOf(url);
  if (directory === null) {
    return skipped("an embedded database in memory is only visible to the process that created it");
  }
  if (isTaken(directory)) return null;
  return skipped(`there is no embedded database in ${directory} yet; the first command that uses it creates it`);
}
