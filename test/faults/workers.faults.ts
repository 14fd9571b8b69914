import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../../internal/storage/connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../../internal/storage/connection/transaction.ts";
import { newJob } from "../../internal/storage/control/jobs.testing.ts";
import { readJob } from "../../internal/storage/control/read-jobs.ts";
import { submitJob } from "../../internal/storage/control/submit.ts";
import { type RunningProgram, startProgram } from "../program.ts";
import { count } from "./figures.ts";
import { ledgerFaults } from "./ledger-invariants.ts";

describe.skipIf(serverTestEngine === null)("a worker process", () => {
  let database: TestDatabase;
  const started: RunningProgram[] = [];
  const submitted: string[] = [];

  beforeAll(async () => {
    if (serverTestEngine !== null) database = await openTestDatabase(serverTestEngine);
  });
  afterEach(async () => {
    for (const program of started.splice(0)) {
      program.process.kill("SIGCONT");
      await program.stop("SIGKILL");
    }
    expect(await ledgerFaults(database.sql, submitted)).toEqual([]);
  });
  afterAll(() => database?.drop());

  const start = async (name: string) => {
    const program = startProgram(["worker", "--name", name, "--lease", "5s"], {
      STELLARINDEX_DATABASE_URL: database.url,
    });
    started.push(program);
    await program.line((line) => line.includes("worker started"));
    return program;
  };
  const submit = async () => {
    const { jobId } = await submitJob(database.sql, "default", newJob({ kind: "rollups.verify" }));
    submitted.push(String(jobId));
    return jobId;
  };
  const job = async (jobId: bigint) => {
    const found = await readJob(database.sql, "default", jobId);
    if (found === null) throw new Error("there is no such job");
    return found;
  };
  const until = (jobId: bigint, state: string) =>
    expect.poll(async () => (await job(jobId)).state, { timeout: 60_000, interval: 100 }).toBe(state);

  /** Holds a job at its work while `work` runs: comparing needs the table that is locked here. */
  const whileJobsHang = (work: () => Promise<void>) =>
    inTransaction(database.sql, READ_COMMITTED, async (sql) => {
      await sql`LOCK TABLE trades IN ACCESS EXCLUSIVE MODE`;
      await work();
    });

  /** Has a second worker take over a job that `first` had leased when `inject` disturbed it; returns the job's id. */
  async function afterTakeover(inject: () => Promise<unknown>): Promise<bigint> {
    let jobId = 0n;
    await whileJobsHang(async () => {
      jobId = await submit();
      await until(jobId, "leased");
      count("faults");
      await inject();
      await start("second");
      await expect.poll(async () => (await job(jobId)).attempt, { timeout: 60_000, interval: 100 }).toBe(2);
    });
    await until(jobId, "succeeded");
    return jobId;
  }

  it("that is killed loses its job to another one, which ends it", async () => {
    const first = await start("first");
    const jobId = await afterTakeover(() => first.stop("SIGKILL"));
    expect((await job(jobId)).history.map(({ to, worker, reason }) => [to, worker, reason])).toEqual([
      ["ready", null, null],
      ["leased", "first", null],
      ["ready", "first", "worker_lost"],
      ["leased", "second", null],
      ["succeeded", "second", null],
    ]);
  });

  it("that is frozen for longer than its lease reports what nobody counts, and goes on", async () => {
    const first = await start("first");
    const jobId = await afterTakeover(async () => first.process.kill("SIGSTOP"));
    first.process.kill("SIGCONT");
    await first.line((line) => line.includes('"outcome":"lease_lost"'));
    const { history, state } = await job(jobId);
    expect(state).toBe("succeeded");
    expect(history.filter(({ to }) => to === "succeeded")).toMatchObject([{ worker: "second" }]);
    // The first one works again.
    await started.find((program) => program !== first)?.stop("SIGTERM");
    const next = await submit();
    await until(next, "succeeded");
    expect((await job(next)).history.at(-1)?.worker).toBe("first");
  });

  it("that is told to stop hands its job back at once", async () => {
    const first = await start("first");
    await whileJobsHang(async () => {
      const jobId = await submit();
      await until(jobId, "leased");
      count("faults");
      first.process.kill("SIGTERM");
      await expect
        .poll(async () => (await job(jobId)).history.at(-1)?.reason, { timeout: 60_000 })
        .toBe("worker_stopped");
    });
  });
});
