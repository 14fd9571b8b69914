import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { parseTime, seconds } from "../../canonical/time.ts";
import { connectBeside, serverTestEngine, testEngines } from "../../storage/connection/database.testing.ts";
import { cancelJobs } from "../../storage/control/job-actions.ts";
import { TESTER, testLedger } from "../../storage/control/jobs.testing.ts";
import { listJobs, readJob } from "../../storage/control/read-jobs.ts";
import {
  databaseTime,
  listSchedules,
  listUnconfigured,
  type NewSchedule,
  pauseSchedule,
  readSchedule,
  removeSchedule,
  resumeSchedule,
  saveSchedule,
} from "../../storage/control/schedules.ts";
import { scheduleFired, workerFailed } from "../events.ts";
import { reconcileSchedules } from "./reconcile.ts";
import { fireDue, firingOf } from "./scheduler.ts";

const NIGHTLY: NewSchedule = {
  name: "nightly",
  kind: "test",
  payload: { n: 1 },
  cron: null,
  everySeconds: 60,
  timeZone: "UTC",
  missed: "catch_up",
  overlap: "allow",
  jitterSeconds: 0,
  isConfigured: false,
};
const NEVER_TICKED = { lastJobId: null, skippedTicks: 0, skippedAt: null };
const ALL = { states: ["ready"], kind: null, before: null, limit: 1000 } as const;

describe.each(enginesOf(testEngines))("schedules on $name", (engine) => {
  const ledger = testLedger(engine);
  let failures: Error[] = [];
  let unsubscribe = () => {};
  beforeEach(() => {
    failures = [];
    unsubscribe = workerFailed.subscribe(({ error }) => failures.push(error));
  });
  afterEach(async () => {
    unsubscribe();
    await ledger.database.sql`DELETE FROM control.schedules`;
  });

  /** Stores a schedule whose next tick was `ticks` ticks ago. */
  async function saveBehind(ticks: number, given: Partial<NewSchedule> = {}): Promise<void> {
    const schedule = { ...NIGHTLY, ...given };
    const late = seconds(ticks * (schedule.everySeconds ?? 0));
    const now = await databaseTime(ledger.database.sql);
    await saveSchedule(ledger.database.sql, ledger.tenant, schedule, now - late);
  }
  const jobs = () => listJobs(ledger.database.sql, ledger.tenant, ALL);
  const schedule = (name = NIGHTLY.name) => readSchedule(ledger.database.sql, ledger.tenant, name);

  it("give each tick one job, whatever number of daemons look at once", async () => {
    await saveBehind(20);
    const connections = Array.from({ length: serverTestEngine === engine ? 4 : 1 }, () =>
      connectBeside(ledger.database, { max: 2 }),
    );
    const looks = connections.flatMap((sql) => [fireDue(sql, () => 0), fireDue(sql, () => 0)]);
    await Promise.all([...looks, fireDue(ledger.database.sql, () => 0)]);
    await Promise.all(connections.map((sql) => sql.end()));
    const made = await jobs();
    const keys = await Promise.all(
      made.map(async ({ jobId }) => (await readJob(ledger.database.sql, ledger.tenant, jobId))?.idempotencyKey),
    );
    expect(failures).toEqual([]);
    expect(made.length).toBeGreaterThanOrEqual(20);
    expect(made.length).toBeLessThanOrEqual(21);
    expect(new Set(keys).size).toBe(made.length);
    expect(keys[0]).toMatch(/^schedule:nightly:\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/);
    const after = await schedule();
    expect((after?.nextAt ?? 0n) - (after?.lastAt ?? 0n)).toBe(seconds(60));
  });

  it("coalesce or skip the ticks that were missed", async () => {
    await saveBehind(9, { name: "once", everySeconds: 600, missed: "coalesce" });
    await saveBehind(9, { name: "never", cron: "0 0 1 1 *", everySeconds: null, missed: "skip" });
    await ledger.database.sql`UPDATE control.schedules SET next_at = '2020-01-01T00:00:00Z' WHERE name = 'never'`;
    await fireDue(ledger.database.sql, () => 0);
    expect(await jobs()).toMatchObject([{ kind: "test" }]);
    expect((await schedule("never"))?.lastAt).toBeNull();
    expect((await schedule("never"))?.nextAt).toBeGreaterThan(await databaseTime(ledger.database.sql));
  });

  it("skip a tick, and tell of it, while the job of the one before has not ended, unless they may overlap", async () => {
    const { sql } = ledger.database;
    const due = async (name: string) => {
      await sql`UPDATE control.schedules SET next_at = clock_timestamp() - interval '1 second' WHERE name = ${name}`;
      const fired: (bigint | null)[] = [];
      const stop = scheduleFired.subscribe(({ fired: { jobId } }) => fired.push(jobId));
      await fireDue(sql, () => 0);
      stop();
      return fired;
    };
    await saveBehind(0, { name: "alone", everySeconds: 1, missed: "coalesce", overlap: "skip" });
    const [first = null] = await due("alone");
    expect([typeof first, await due("alone"), await due("alone")]).toEqual(["bigint", [null], [null]]);
    expect(await schedule("alone")).toMatchObject({ lastJobId: first, skippedTicks: 2, skippedAt: expect.any(BigInt) });
    await cancelJobs(sql, { ...TESTER, tenant: ledger.tenant }, [first ?? 0n]);
    const [second = null] = await due("alone");
    expect(second).toBeGreaterThan(first ?? 0n);
    // A job that history has forgotten keeps nothing from starting.
    await sql`DELETE FROM control.jobs WHERE tenant = ${ledger.tenant}`;
    expect(await due("alone")).toEqual([expect.any(BigInt)]);
    await saveBehind(0, { name: "both", everySeconds: 1, missed: "coalesce" });
    expect([await due("both"), await due("both")]).toEqual([[expect.any(BigInt)], [expect.any(BigInt)]]);
    expect(await schedule("both")).toMatchObject({ skippedTicks: 0, skippedAt: null });
  });

  it("delay a job by up to the jitter", () => {
    const at = parseTime("2026-01-01T00:01:00Z");
    const found = { ...NIGHTLY, jitterSeconds: 10, pausedReason: null, nextAt: at, lastAt: null, ...NEVER_TICKED };
    expect(firingOf(found, at, () => 0.25).ticks).toEqual([{ at, runAt: at + 2_500_000n }]);
  });

  it("make nothing while paused, and afterwards nothing for the time of the pause", async () => {
    await saveBehind(3);
    expect(await pauseSchedule(ledger.database.sql, ledger.tenant, "nightly", "a test")).toBe(true);
    await fireDue(ledger.database.sql, () => 0);
    const next = (await databaseTime(ledger.database.sql)) + seconds(3600);
    expect(await resumeSchedule(ledger.database.sql, ledger.tenant, "nightly", next)).toBe(true);
    await fireDue(ledger.database.sql, () => 0);
    expect(await jobs()).toEqual([]);
    expect(await schedule()).toMatchObject({ nextAt: next, pausedReason: null });
  });

  it("are not held up by one that fails", async () => {
    await saveBehind(1, { name: "broken" });
    await ledger.database.sql`
      UPDATE control.schedules SET cron = '61 * * * *', every_seconds = NULL WHERE name = 'broken'`;
    await saveBehind(1, { name: "sound", missed: "coalesce" });
    await fireDue(ledger.database.sql, () => 0);
    expect(failures.map(({ message }) => message)).toEqual([expect.stringContaining("61 * * * *")]);
    expect(await jobs()).toHaveLength(1);
  });

  it("keep their next tick unless their times change, and belong to their tenant", async () => {
    const { sql } = ledger.database;
    const [first, second] = [parseTime("2030-01-01T00:00:00Z"), parseTime("2031-01-01T00:00:00Z")];
    await saveSchedule(sql, ledger.tenant, NIGHTLY, first);
    await saveSchedule(sql, ledger.tenant, { ...NIGHTLY, kind: "other", isConfigured: true }, second);
    expect(await schedule()).toMatchObject({ kind: "other", nextAt: first });
    await saveSchedule(sql, ledger.tenant, { ...NIGHTLY, everySeconds: 61, isConfigured: true }, second);
    expect(await schedule()).toMatchObject({ nextAt: second, everySeconds: 61 });
    expect(await readSchedule(sql, "default", "nightly")).toBeNull();
    expect(await removeSchedule(sql, "default", "nightly")).toBe(false);
    await saveSchedule(sql, ledger.tenant, { ...NIGHTLY, name: "by-hand" }, first);
    expect(await listUnconfigured(sql, ledger.tenant, ["nightly"])).toEqual([]);
    expect(await listUnconfigured(sql, ledger.tenant, [])).toEqual(["nightly"]);
    // A daemon whose configuration has no schedules removes none.
    expect(await reconcileSchedules(sql, ledger.tenant, [])).toEqual(["nightly"]);
    const names = (await listSchedules(sql, ledger.tenant, null, 9)).map(({ name }) => name);
    expect(names).toEqual(["by-hand", "nightly"]);
    expect(await removeSchedule(sql, ledger.tenant, "nightly")).toBe(true);
    expect(await listSchedules(sql, ledger.tenant, "by-hand", 9)).toEqual([]);
  });
});
