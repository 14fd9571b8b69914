import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Database } from "../../internal/storage/connection/database.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { migrateUp } from "../../internal/storage/schema/migrate.ts";
import { makeControlProcesses, statesOf, untilAllEnded, untilWorkGoesOn } from "./control-processes.ts";
import { count } from "./figures.ts";
import { ledgerFaults } from "./ledger-invariants.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "./postgres-server.ts";

const PATIENCE = { timeout: 60_000, interval: 100 };

describe.skipIf(!canStartPostgres("the control plane at a failover"))("with a synchronous standby", () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  const opened: Database[] = [];
  const processes = makeControlProcesses(
    () => `postgres://postgres@127.0.0.1:${primary.port},127.0.0.1:${standby.port}/postgres`,
  );

  const open = async ({ url }: PostgresServer): Promise<Database> => {
    const database = await openDatabase({ url, max_connections: 2 });
    opened.push(database);
    return database;
  };

  beforeAll(async () => {
    primary = await makePostgresServer();
    await primary.start();
    const database = await open(primary);
    await migrateUp(database, {
      timescaledb: "off",
      retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
      log: () => {},
    });
    // The standby does not copy the setting: once promoted, it has nobody to wait for.
    standby = await makePostgresServer(primary);
    await standby.start();
    await database.sql`ALTER SYSTEM SET synchronous_standby_names = '*'`;
    await database.sql`SELECT pg_reload_conf()`;
    await vi.waitUntil(async () => {
      const [row] = await database.sql<{ sync_state: string }[]>`SELECT sync_state FROM pg_stat_replication`;
      return row?.sync_state === "sync";
    }, PATIENCE);
  });
  afterEach(() => processes.kill());
  afterAll(async () => {
    await Promise.all(opened.map((each) => each.close()));
    await Promise.all([standby?.remove(), primary?.remove()]);
  });

  it("daemons and workers go on after the primary was killed, with every job that was acknowledged", async () => {
    const { startDaemon, startWorker, submitSteadily, submitted, refusals } = processes;
    const daemons = [await startDaemon(), await startDaemon()];
    await startWorker("a");
    await startWorker("b");
    let database = await open(primary);
    const submitting = submitSteadily(daemons, async () => {});
    await untilWorkGoesOn(() => database, submitting, 10);
    // Some job is leased at the moment of the crash.
    await expect
      .poll(async () => (await statesOf(database))["leased"] ?? 0, { ...PATIENCE, interval: 1 })
      .toBeGreaterThan(0);
    count("faults");
    await primary.stop("immediate");
    // Daemons are connected to the standby before it takes writes.
    await expect.poll(() => [...refusals].join(), PATIENCE).toContain("the database takes no writes now");
    database = await open(standby);
    await database.sql`SELECT pg_promote()`;
    await untilWorkGoesOn(() => database, submitting, 10);
    await submitting.stop();
    await untilAllEnded(database);
    const jobs = new Set(submitted);
    expect(await ledgerFaults(database.sql, submitted)).toEqual([]);
    expect(await statesOf(database)).toEqual({ succeeded: jobs.size });
    count("ledgerJobs", jobs.size);
    for (const { program } of daemons) expect(await program.stop("SIGTERM")).toBe(0);
  });
});
