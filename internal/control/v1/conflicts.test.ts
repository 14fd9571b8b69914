import { beforeAll, expect, it } from "vitest";
import { fireSchedule } from "../../storage/control/fire.ts";
import { saveSchedule } from "../../storage/control/schedules.ts";
import { serveTestControl } from "./app.testing.ts";

const control = serveTestControl({
  operator: { tenant: "default", scopes: ["control:admin"] },
  worker: { tenant: "default", scopes: ["jobs:work"] },
});

/** Has the server end the next transaction that adds rows to a table as the victim of a deadlock. */
async function deadlockOnce(table: string): Promise<void> {
  await control.database.sql.unsafe(`
    CREATE OR REPLACE TRIGGER deadlock BEFORE INSERT ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION deadlock();
    ALTER SEQUENCE deadlocks RESTART`);
}

beforeAll(async () => {
  // What a sequence counts stays counted after a rollback.
  await control.database.sql.unsafe(`
    CREATE SEQUENCE deadlocks;
    CREATE FUNCTION deadlock() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF nextval('public.deadlocks') = 1 THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = 'deadlock_detected'; END IF;
      RETURN NULL;
    END $$`);
});

it("a submit that a deadlock ended is run again", async () => {
  await deadlockOnce("control.jobs");
  const { status, body } = await control.call("operator", "POST", "/jobs", { kind: "test", idempotency_key: "k" });
  expect([status, body.is_new]).toEqual([200, true]);
});

it("a submit that a standby refuses is answered as temporary", async () => {
  await control.database.sql.unsafe(`
    CREATE FUNCTION standby() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'cannot execute INSERT' USING ERRCODE = 'read_only_sql_transaction'; END $$;
    CREATE TRIGGER standby BEFORE INSERT ON control.jobs FOR EACH STATEMENT EXECUTE FUNCTION standby()`);
  const { status, body, headers } = await control.call("operator", "POST", "/jobs", { kind: "test" });
  await control.database.sql`DROP TRIGGER standby ON control.jobs`;
  expect([status, headers.get("Retry-After")]).toEqual([503, expect.stringMatching(/^[1-9]/)]);
  expect(body.detail).toContain("the database takes no writes now: it is a standby, or read only");
});

it("what a feed covers is added again after a deadlock", async () => {
  const feed = { kind: "test", start_at: "2026-01-01T00:00:00Z", reason: "a test" };
  await control.call("operator", "PUT", "/feeds/f", feed);
  await deadlockOnce("control.watermarks");
  const to = "2026-01-01T01:00:00Z";
  const covered = { intervals: [{ from: feed.start_at, to }] };
  expect((await control.call("worker", "POST", "/feeds/f/cover", covered)).body).toEqual({ watermark: to });
});

it("a schedule fires again after a deadlock", async () => {
  const { sql } = control.database;
  const schedule = {
    ...{ name: "s", kind: "test", payload: {}, cron: null, everySeconds: 60, timeZone: "UTC", jitterSeconds: 0 },
    ...{ missed: "skip" as const, overlap: "skip" as const, isConfigured: false },
  };
  await saveSchedule(sql, "default", schedule, 0n);
  await deadlockOnce("control.jobs");
  const fired = await fireSchedule(sql, { tenant: "default", name: "s" }, ({ nextAt }, now) => ({
    ticks: [{ at: nextAt, runAt: now }],
    nextAt: now + 60_000_000n,
  }));
  expect(fired).toHaveLength(1);
});
