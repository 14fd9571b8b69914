import { existsSync, lstatSync } from "node:fs";
import type { Aliases } from "../aggregate/aliases.ts";
import { makePolicy } from "../aggregate/policy.ts";
import { type Config, policySettings } from "../config/schema.ts";
import { type Database, openDatabase } from "../storage/database.ts";
import { holdsDatabase } from "../storage/embedded/engine.ts";
import { readHorizons } from "../storage/horizons.ts";
import { findLostRows } from "../storage/lost-rows.ts";
import { requireMigrated } from "../storage/migrate.ts";
import { readOnly } from "../storage/read-only.ts";
import { isHypertable } from "../storage/timescale.ts";
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

/** A look that hangs must not hold the connection that the next one needs. */
const CONNECTIONS = 16;
const EMBEDDED = "pglite:";
const INSUFFICIENT_PRIVILEGE = "42501";

/**
 * The checks of the database, the first of which opens it. Nothing is written, and no embedded database is made.
 * @param published whose last trades are looked for
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
  const reached = { check: "database", otherwise: "the database was not reached" };
  const migrated = { check: "migrations", otherwise: "the database is not migrated" };
  const failed = "what the database said is the cause; look into its log";

  const checks: Check[] = [
    {
      name: "database",
      cure: settings.url.startsWith(EMBEDDED)
        ? "do what the message says; docs/embedded.md has what an embedded database needs, and what ends it"
        : "check [database] url, that the server runs and that this machine may connect (pg_hba.conf, firewall)",
      look: async () => {
        const nothing = nothingToOpen(settings.url);
        if (nothing !== null) return nothing;
        database = await openDatabase({ ...settings, max_connections: CONNECTIONS });
        return ok(`${settings.url} answers`);
      },
    },
    { name: "pooler", needs: reached, cure: failed, look: () => checkPooler(opened()) },
    { name: "server", needs: reached, cure: failed, look: () => checkServerVersion(opened().sql) },
    {
      name: "recovery",
      needs: reached,
      cure: failed,
      look: () => checkRecovery(opened().sql, aggregate.settle_seconds),
    },
    {
      name: "clock",
      needs: reached,
      cure: failed,
      look: async () => {
        const { sql, engine } = opened();
        if (engine === "embedded") return ok("the embedded database goes by this machine's clock");
        const reading = await readClock(async () => {
          const [row] = await sql<{ ms: string }[]>`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::text AS ms`;
          return Number(row?.ms);
        });
        return judgeSkew("the database's clock", reading, aggregate.settle_seconds);
      },
    },
    {
      name: "autovacuum",
      needs: reached,
      cure: failed,
      look: async () => {
        const { sql, engine } = opened();
        if (engine === "embedded") return skipped("the embedded database has none; prune vacuums what it deletes");
        return checkAutovacuum(sql);
      },
    },
    { name: "rights", needs: reached, cure: failed, look: () => checkRights(opened().sql) },
    {
      name: "grants",
      needs: reached,
      cure: failed,
      look: async () => {
        const { sql, engine } = opened();
        return engine === "embedded" ? skipped("the embedded database has one role") : checkGrants(sql);
      },
    },
    { name: "schema", needs: reached, cure: failed, look: () => checkSchema(opened()) },
    {
      name: "migrations",
      needs: reached,
      cure: "stellarindex migrate up brings an older database up to date; a newer one needs a newer program",
      look: async () => {
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
      look: () => checkTimescale(opened().sql, settings.timescaledb, settings.retention),
    },
    {
      name: "jobs",
      needs: migrated,
      cure: failed,
      look: () => checkTimescaleJobs(opened().sql, settings.retention),
    },
    {
      name: "horizons",
      needs: migrated,
      cure: failed,
      look: async () => checkHorizons(await readHorizons(opened().sql), aggregate.windows, now()),
    },
    {
      name: "chunks",
      needs: migrated,
      cure: failed,
      look: async () => {
        const { sql } = opened();
        if (!(await isHypertable(sql, "trades"))) return skipped("the tables are ordinary ones, without chunks");
        // What is complete is read as stored, beside the chunks of the same snapshot.
        return readOnly(opened(), async (snapshot) =>
          judgeLostRows(await findLostRows(snapshot, await readHorizons(snapshot))),
        );
      },
    },
    { name: "locks", needs: migrated, cure: failed, look: () => checkLocks(opened().sql) },
    {
      name: "rollups",
      needs: migrated,
      cure: failed,
      look: () => checkRollups(opened().sql, markets, aggregate.windows, now()),
    },
    {
      name: "references",
      needs: migrated,
      cure: failed,
      look: () => checkReferences(config, makePolicy(policySettings(config)), opened(), now()),
    },
    {
      name: "trades",
      needs: migrated,
      cure: failed,
      look: () => checkStoredTrades(opened().sql, published, aliases, aggregate.windows.at(-1) ?? 0, now()),
    },
  ];
  return { checks, close: async () => database?.close() };
}

/** Opening an embedded database would make it, or another one beside that of the process it belongs to. */
function nothingToOpen(url: string): Finding | null {
  if (!url.startsWith(EMBEDDED)) return null;
  const directory = url.slice(EMBEDDED.length);
  if (directory === "memory") {
    return skipped(
      "the embedded database in memory belongs to the process that made it; nothing of it is seen from here",
    );
  }
  // A link that leads to nothing is no place to make one: to open it says so.
  const isDangling = !existsSync(directory) && lstatSync(directory, { throwIfNoEntry: false }) !== undefined;
  if (isDangling || holdsDatabase(directory)) return null;
  return skipped(`there is no embedded database in ${directory} yet; the first command that uses it makes it`);
}
