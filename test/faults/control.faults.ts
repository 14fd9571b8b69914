import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { hashKey, makeKey } from "../../internal/http/keys.ts";
import type { Database } from "../../internal/storage/connection/database.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { migrateUp } from "../../internal/storage/schema/migrate.ts";
import { type RunningProgram, startProgram } from "../program.ts";
import { count } from "./figures.ts";
import { ledgerFaults } from "./ledger-invariants.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "./postgres-server.ts";

const FAKETIME = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
].find((path) => existsSync(path));
if (FAKETIME === undefined) console.warn("left out: workers with wrong clocks, because there is no libfaketime");

const ENDED = ["succeeded", "failed", "dead", "cancelled"];
const key = makeKey();

describe.skipIf(!canStartPostgres("the control plane under faults"))("two control daemons and three workers", () => {
  let server: PostgresServer;
  let database: Database;
  const running: RunningProgram[] = [];
  const submitted: string[] = [];

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
    for (const program of running.splice(0)) {
      program.process.kill("SIGCONT");
      await program.stop("SIGKILL");
    }
    expect(await ledgerFaults(database.sql, submitted)).toEqual([]);
  });
  afterAll(async () => {
    await database?.close();
    await server?.remove();
  });

  async function startDaemon(): Promise<{ readonly program: RunningProgram; readonly url: string }> {
    const program = startProgram(["control"], {
      STELLARINDEX_DATABASE_URL: server.url,
      STELLARINDEX_DATABASE_BREAKER_COOLDOWN_SECONDS: "1",
      STELLARINDEX_CONTROL_LISTEN: "127.0.0.1:0",
      STELLARINDEX_CONTROL_OPS_LISTEN: "127.0.0.1:0",
      STELLARINDEX_CONTROL_KEYS: `[{ name = "tester", hash = "${hashKey(key)}", scopes = ["control:admin"] }]`,
    });
    running.push(program);
    const line = await program.line((text) => text.includes("control started"));
    return { program, url: (JSON.parse(line) as { control: string }).control };
  }

  async function startWorker(name: string, environment: Record<string, string> = {}): Promise<RunningProgram> {
    const program = startProgram(["worker", "--name", name, "--lease", "5s"], {
      STELLARINDEX_DATABASE_URL: server.url,
      ...environment,
    });
    running.push(program);
    await program.line((line) => line.includes("worker started"));
    return program;
  }

  /** Submits a job as often as it takes until it is acknowledged; the key makes sure that it is there once. */
  async function submit(url: string, n: string, job: object = {}): Promise<void> {
    for (;;) {
      const body = JSON.stringify({ kind: "rollups.verify", idempotency_key: n, ...job });
      const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
      const response = await fetch(`${url}/control/v1/jobs`, { method: "POST", headers, body });
      if (response.ok) {
        submitted.push(((await response.json()) as { job_id: string }).job_id);
        return;
      }
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, expect.any(String)]);
      await response.body?.cancel();
    }
  }

  const statesOf = async (): Promise<Record<string, number>> => {
    const rows = await database.sql<{ state: string; count: number }[]>`
      SELECT state, count(*)::integer AS count FROM control.jobs GROUP BY state`;
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  };
  const untilAllEnded = () =>
    expect
      .poll(async () => Object.keys(await statesOf()).filter((state) => !ENDED.includes(state)), {
        timeout: 120_000,
        interval: 200,
      })
      .toEqual([]);

  it("lose no job and run none twice to completion while the database crashes and processes die", async () => {
    const daemons = [await startDaemon(), await startDaemon()];
    const workers = [await startWorker("a"), await startWorker("b"), await startWorker("c")];
    let isOver = false;
    const acknowledged = [0, 0];
    const submitting = daemons.map(async ({ url }, daemon) => {
      for (let n = 0; !isOver; n++) {
        await submit(url, `faults-${daemon}-${n}`);
        acknowledged[daemon] = n + 1;
      }
    });
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
      // Work goes on: the first daemon acknowledges more, and more jobs succeed.
      const before = { acknowledged: acknowledged[0] ?? 0, succeeded: (await statesOf())["succeeded"] ?? 0 };
      await expect
        .poll(
          async () =>
            (acknowledged[0] ?? 0) > before.acknowledged + 5 &&
            ((await statesOf())["succeeded"] ?? 0) > before.succeeded + 5,
          { timeout: 60_000, interval: 100 },
        )
        .toBe(true);
    }
    isOver = true;
    await Promise.all(submitting);
    await untilAllEnded();
    expect(await statesOf()).toEqual({ succeeded: new Set(submitted).size });
    for (const { program } of daemons) expect(await program.stop("SIGTERM")).toBe(0);
  });

  it("end a thousand jobs that cannot succeed, one by one", async () => {
    const { url } = await startDaemon();
    await startWorker("a");
    const before = (await statesOf())["failed"] ?? 0;
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
    await untilAllEnded();
    expect((await statesOf())["failed"]).toBe(before + 1000);
  });

  it("take changed keys at once at SIGHUP, also while the database is away", async () => {
    const directory = mkdtempSync(join(tmpdir(), "stellarindex-keys-"));
    const file = join(directory, "stellarindex.toml");
    const [before, after] = [makeKey(), makeKey()];
    const write = (secret: string) =>
      writeFileSync(file, `[[control.keys]]\nname = "ops"\nhash = "${hashKey(secret)}"\nscopes = ["control:read"]\n`);
    try {
      write(before);
      const program = startProgram(["control", "--config", file], {
        STELLARINDEX_DATABASE_URL: server.url,
        STELLARINDEX_DATABASE_BREAKER_COOLDOWN_SECONDS: "1",
        STELLARINDEX_CONTROL_LISTEN: "127.0.0.1:0",
        STELLARINDEX_CONTROL_OPS_LISTEN: "127.0.0.1:0",
      });
      running.push(program);
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
