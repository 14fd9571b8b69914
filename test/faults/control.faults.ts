import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { hashKey, makeKey } from "../../internal/http/keys.ts";
import type { Database } from "../../internal/storage/connection/database.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { migrateUp } from "../../internal/storage/schema/migrate.ts";
import { ENDED, makeControlProcesses, statesOf, untilAllEnded, untilWorkGoesOn } from "./control-processes.ts";
import { count } from "./figures.ts";
import { ledgerFaults } from "./ledger-invariants.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "./postgres-server.ts";

const FAKETIME = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
].find((path) => existsSync(path));
if (FAKETIME === undefined) console.warn("left out: workers with wrong clocks, because there is no libfaketime");

describe.skipIf(!canStartPostgres("the control plane under faults"))("two control daemons and three workers", () => {
  let server: PostgresServer;
  let database: Database;
  const processes = makeControlProcesses(() => server.url);
  const { startDaemon, startWorker, submit, submitSteadily, submitted } = processes;

  beforeAll(async () => {
    server = await makePostgresServer();
    await server.start();
    database = await openDatabase({ url: server.url, max_connections: 4 });
    await migrateUp(database, {
      timescaledb: "off",
      retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
      log: () => {},
    });
  });
  afterEach(async () => {
    await processes.kill();
    expect(await ledgerFaults(database.sql, submitted)).toEqual([]);
  });
  afterAll(async () => {
    await database?.close();
    await server?.remove();
  });

  it("lose no job and run none twice to completion while the database crashes and processes die", async () => {
    const daemons = [await startDaemon(), await startDaemon()];
    const workers = [await startWorker("a"), await startWorker("b"), await startWorker("c")];
    const submitting = submitSteadily(daemons, async () => {});
    for (const disturb of [
      () => server.stop("immediate").then(() => server.start()),
      () => workers[0]?.stop("SIGKILL"),
      () => server.stop("fast").then(() => server.start()),
      () => workers[1]?.process.kill("SIGSTOP"),
      () => daemons[1]?.program.process.kill("SIGSTOP"),
      () => server.stop("immediate").then(() => server.start()),
      () => daemons[1]?.program.process.kill("SIGCONT"),
      () => workers[1]?.process.kill("SIGCONT"),
    ]) {
      count("faults");
      await disturb();
      await untilWorkGoesOn(() => database, submitting, 6);
    }
    await submitting.stop();
    await untilAllEnded(database);
    expect(await statesOf(database)).toEqual({ succeeded: new Set(submitted).size });
    count("ledgerJobs", new Set(submitted).size);
    for (const { program } of daemons) expect(await program.stop("SIGTERM")).toBe(0);
  });

  it("end a thousand jobs that cannot succeed, one by one", async () => {
    const { url } = await startDaemon();
    await startWorker("a");
    const before = (await statesOf(database))["failed"] ?? 0;
    // Not through the API, which refuses their payload.
    await database.sql`
      WITH lane AS (
        INSERT INTO control.lanes (tenant, kind, priority, source, host) VALUES ('default', 'rollups.verify', 9, '', '')
        ON CONFLICT (tenant, kind, priority, source, host) DO UPDATE SET kind = excluded.kind RETURNING lane_id
      ),
      added AS (
        INSERT INTO control.jobs (tenant, lane_id, state, payload, ready_order)
        SELECT 'default', lane_id, 'ready', '{"pair":1}', nextval('control.ready_order')
        FROM lane CROSS JOIN generate_series(1, 1000)
        RETURNING job_id
      )
      INSERT INTO control.job_history (tenant, job_id, to_state, attempt)
      SELECT 'default', job_id, 'ready', 0 FROM added`;
    await submit(url, "behind-them");
    await untilAllEnded(database);
    expect((await statesOf(database))["failed"]).toBe(before + 1000);
  });

  it("take changed keys at once at SIGHUP, also while the database is away", async () => {
    const directory = mkdtempSync(join(tmpdir(), "stellarindex-keys-"));
    const file = join(directory, "stellarindex.toml");
    const [before, after] = [makeKey(), makeKey()];
    const write = (secret: string) =>
      writeFileSync(file, `[[control.keys]]\nname = "ops"\nhash = "${hashKey(secret)}"\nscopes = ["control:read"]\n`);
    try {
      write(before);
      const program = processes.start(["control", "--config", file], {
        STELLARINDEX_DATABASE_BREAKER_COOLDOWN_SECONDS: "1",
        STELLARINDEX_CONTROL_LISTEN: "127.0.0.1:0",
        STELLARINDEX_CONTROL_OPS_LISTEN: "127.0.0.1:0",
      });
      const { control } = JSON.parse(await program.line((line) => line.includes("control started")));
      const statusWith = async (secret: string) =>
        (await fetch(`${control}/control/v1/jobs`, { headers: { Authorization: `Bearer ${secret}` } })).status;
      expect([await statusWith(before), await statusWith(after)]).toEqual([200, 401]);
      await server.stop("fast");
      count("faults");
      write(after);
      program.process.kill("SIGHUP");
      await program.line((line) => line.includes("configuration reloaded"));
      expect([await statusWith(before), await statusWith(after)]).toEqual([401, 503]);
      await server.start();
      await expect.poll(() => statusWith(after), { timeout: 30_000 }).toBe(200);
      expect(await statusWith(before)).toBe(401);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it.skipIf(FAKETIME === undefined)("go by the database's clock, whatever the workers' clocks say", async () => {
    const { url } = await startDaemon();
    const skewed = (offset: string) => ({
      LD_PRELOAD: FAKETIME ?? "",
      FAKETIME: offset,
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    });
    for (const [name, offset] of [
      ["fast", "+1h"],
      ["slow", "-1h"],
    ] as const) {
      const worker = await startWorker(name, skewed(offset));
      count("faults");
      for (let n = 0; n < 20; n++) await submit(url, `${name}-${n}`);
      // One that is not due by the database's clock stays, though it is by that of the fast worker.
      await submit(url, "later", { run_at: new Date(Date.now() + 1_800_000).toISOString() });
      const later = submitted.at(-1);
      const open = () => database.sql`SELECT job_id::text AS id FROM control.jobs WHERE NOT state = ANY(${ENDED})`;
      await expect.poll(async () => (await open()).map(({ id }) => id), { timeout: 60_000 }).toEqual([later]);
      expect(await worker.stop("SIGTERM")).toBe(0);
    }
    const wrong =
      await database.sql`SELECT 1 FROM control.job_history WHERE abs(extract(epoch FROM at - now())) > 1800`;
    expect([...wrong]).toEqual([]);
  });
});
