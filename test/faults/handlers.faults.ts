import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../internal/lib/package-root.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../../internal/storage/connection/database.testing.ts";
import { TESTER } from "../../internal/storage/control/jobs.testing.ts";
import { listThrottles, setThrottle } from "../../internal/storage/control/throttles.ts";
import { jobWhen, type NewJob, submit } from "../conformance/control-client.ts";
import { type ControlDaemon, startControlDaemon } from "../conformance/daemon.ts";
import { startWorker, type WorkerProcess } from "../conformance/worker-process.ts";
import { count } from "./figures.ts";
import { ledgerFaults } from "./ledger-invariants.ts";

const WORKER = join(packageRoot(), "test", "faults", "ledger-worker.ts");
const SECONDS = 120;
const PATIENCE = { timeout: SECONDS * 1000, interval: 100 };

describe.skipIf(serverTestEngine === null)("handlers that go wrong", () => {
  let database: TestDatabase;
  let daemon: ControlDaemon;
  const running: WorkerProcess[] = [];
  const submitted: string[] = [];
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-handlers-"));

  beforeAll(async () => {
    if (serverTestEngine === null) return;
    database = await openTestDatabase(serverTestEngine);
    daemon = await startControlDaemon(database.url);
  });
  afterEach(async () => {
    for (const { kill, ended } of running.splice(0)) {
      kill("SIGKILL");
      await ended;
    }
    expect(await ledgerFaults(database.sql, submitted)).toEqual([]);
  });
  afterAll(async () => {
    await daemon?.stop();
    await database?.drop();
    rmSync(directory, { recursive: true });
  });

  /** @param flag the file that a blocked handler waits for; one that exists by default */
  function start(name: string, flag: string = WORKER): WorkerProcess {
    const command = [process.execPath, "--import", "tsx", WORKER, name, flag];
    const worker = startWorker(command, daemon.url, daemon.workKey);
    running.push(worker);
    return worker;
  }

  async function add(job: NewJob): Promise<string> {
    const jobId = await submit(daemon.operator, job);
    submitted.push(jobId);
    return jobId;
  }

  const until = (jobId: string, state: string) =>
    jobWhen(daemon.operator, jobId, (job) => job.state === state, SECONDS);
  const transitions = (job: Awaited<ReturnType<typeof until>>) =>
    job.history.map(({ to, attempt, reason }) => [to, attempt, reason]);

  it("an event loop blocked for longer than the lease: another worker completes the job, and the late report counts for nothing", async () => {
    const flag = join(directory, "go-on");
    const first = start("first", flag);
    const jobId = await add({ kind: "faults.block" });
    await first.line("blocked");
    count("faults");
    start("second");
    const completed = await until(jobId, "succeeded");
    expect(transitions(completed)).toEqual([
      ["ready", 0, null],
      ["leased", 1, null],
      ["ready", 1, "worker_lost"],
      ["leased", 2, null],
      ["succeeded", 2, null],
    ]);
    expect(completed.history.at(-1)?.message).toBe('{"worker":"second"}');
    writeFileSync(flag, "");
    // The worker is told that the lease is no longer its own, and says so.
    await first.line(`job ${jobId} (faults.block), attempt 1: lease_lost {"worker":"first"}`);
    // The same report as the worker's, for certain.
    const [lease] = await database.sql<{ token: string }[]>`
      SELECT lease_token::text AS token FROM control.job_history
      WHERE job_id = ${jobId} AND to_state = 'leased' AND attempt = 1`;
    const report = { job_id: jobId, lease_token: lease?.token, outcome: "succeeded", message: "{}" };
    const answer = await fetch(`${daemon.url}/control/v1/work/report`, {
      method: "POST",
      headers: { Authorization: `Bearer ${daemon.workKey}`, "Content-Type": "application/json" },
      body: JSON.stringify({ reports: [report] }),
    });
    expect(await answer.json()).toEqual({ reported: [] });
    expect(await until(jobId, "succeeded")).toEqual(completed);
    running[1]?.kill("SIGKILL");
    await running[1]?.ended;
    const next = await until(await add({ kind: "faults.plain" }), "succeeded");
    expect(next.history.at(-1)?.message).toBe('{"worker":"first"}');
  });

  it("a job that kills its worker is dead after three, with its history, and other jobs are done", async () => {
    let deaths = 0;
    let isOver = false;
    // Like a supervisor. One place each, so that no other job is lost with the poison job.
    const supervised = (async () => {
      while (!isOver) {
        await start(`supervised-${deaths}`).ended;
        if (!isOver) deaths++;
      }
    })();
    const poison = await add({ kind: "faults.poison" });
    const others = await Promise.all(Array.from({ length: 20 }, () => add({ kind: "faults.plain" })));
    const dead = await until(poison, "dead");
    expect(transitions(dead)).toEqual([
      ["ready", 0, null],
      ["leased", 1, null],
      ["ready", 1, "worker_lost"],
      ["leased", 2, null],
      ["ready", 2, "worker_lost"],
      ["leased", 3, null],
      ["dead", 3, "worker_lost"],
    ]);
    const letters = await database.sql`SELECT job_id::text, reason FROM control.dead_letters`;
    expect([...letters]).toEqual([{ job_id: poison, reason: "workers_lost" }]);
    others.push(await add({ kind: "faults.plain" }));
    for (const jobId of others) expect((await until(jobId, "succeeded")).attempt).toBe(1);
    expect((await until(poison, "dead")).attempt).toBe(3);
    expect(deaths).toBe(3);
    count("faults", deaths);
    isOver = true;
    running.at(-1)?.kill("SIGKILL");
    await supervised;
  });

  it("a host that refuses everything: its rate falls, others are asked as before, and an incident opens", async () => {
    const actor = { ...TESTER, tenant: "default" };
    const rate = { maxRate: 64, burst: 200 };
    for (const host of ["angry.example", "calm.example"]) await setThrottle(database.sql, actor, host, rate);
    const throttle = async (host: string) =>
      (await listThrottles(database.sql, "default", { after: "", limit: 10 })).find((each) => each.host === host);
    const angry = { kind: "faults.throttled", host: "angry.example", max_attempts: 100 };
    const refused = await Promise.all(Array.from({ length: 50 }, () => add(angry)));
    start("first");
    start("second");
    count("faults");
    await expect
      .poll(async () => (await throttle(angry.host))?.bucket?.rate, PATIENCE)
      .toBeLessThanOrEqual(rate.maxRate / 8);
    const others = await Promise.all(
      Array.from({ length: 100 }, () => add({ kind: "faults.plain", host: "calm.example" })),
    );
    for (const jobId of others) expect((await until(jobId, "succeeded")).attempt).toBe(1);
    expect(await throttle("calm.example")).toMatchObject({ bucket: { rate: rate.maxRate }, notBefore: null });
    // Nobody waits for a quarter of an hour here: the host has been slowed down for as long.
    await database.sql`
      UPDATE control.throttles SET slowed_since = slowed_since - interval '15 minutes' WHERE host = ${angry.host}`;
    const incidents = async () => [
      ...(await database.sql`SELECT key FROM control.incidents WHERE code = 'throttled_long' AND closed_at IS NULL`),
    ];
    await expect.poll(incidents, PATIENCE).toEqual([{ key: angry.host }]);
    for (const jobId of refused) {
      const { history } = await jobWhen(daemon.operator, jobId, () => true, SECONDS);
      expect(new Set(history.map(({ reason }) => reason))).not.toContain("worker_lost");
      expect(history.map(({ to }) => to)).not.toContain("succeeded");
    }
  });
});
