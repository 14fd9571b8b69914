import { readdirSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { InputError } from "../../canonical/input-error.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import type { CallContext } from "./call-context.testing.ts";
import { makeClaim } from "./claim.ts";
import { CALLS, WITHOUT_TENANT } from "./isolation.testing.ts";
import { newJob } from "./jobs.testing.ts";
import { type HeldLease, reportJobs } from "./report.ts";
import { submitJob } from "./submit.ts";

/** All ids of the other tenant are numbers from here on, so that they are told apart in any result. */
const OTHERS = 9_000_000_000n;
const OTHER = "beta";

it("every function of the ledger's storage has a call here", async () => {
  const names = readdirSync(import.meta.dirname).flatMap((file) => /^([a-z-]+)\.ts$/.exec(file)?.[1] ?? []);
  const modules = await Promise.all(
    names.map((name) => import(/* @vite-ignore */ `./${name}.ts`) as Promise<Record<string, unknown>>),
  );
  const functions = modules.flatMap((module) =>
    Object.keys(module).filter((name) => typeof module[name] === "function"),
  );
  expect(functions.sort()).toEqual([...Object.keys(CALLS), ...WITHOUT_TENANT].sort());
});

describe.each(enginesOf(testEngines))("two tenants on $name", (engine) => {
  let database: TestDatabase;
  let others: HeldLease[] = [];
  let tenants = 0;

  const restartIds = async (first: bigint) => {
    const sequences = await database.sql<{ name: string }[]>`
      SELECT format('control.%I', sequencename) AS name FROM pg_sequences WHERE schemaname = 'control'`;
    for (const { name } of sequences) await database.sql.unsafe(`ALTER SEQUENCE ${name} RESTART WITH ${first}`);
  };
  const context = (tenant: string, leases: readonly HeldLease[], blackouts: readonly bigint[], seed = 1) => {
    let state = seed;
    const pick = <T>(values: readonly T[]): T => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return values[(state >>> 8) % values.length] as T;
    };
    return { database, tenant, claim, leases, blackouts, pick } satisfies CallContext;
  };
  const claim = makeClaim(() => 0);
  const call = (name: string, given: CallContext) => (CALLS[name] as (typeof CALLS)[string])(given);
  /** All rows of the other tenant. */
  const rows = async () => {
    const tables = await database.sql<{ name: string }[]>`
      SELECT format('control.%I', table_name) AS name FROM information_schema.columns
      WHERE table_schema = 'control' AND column_name = 'tenant' ORDER BY table_name`;
    const all: Record<string, unknown> = {};
    for (const { name } of tables)
      [all[name]] = await database.sql.unsafe(
        `SELECT count(*) AS count, jsonb_agg(to_jsonb(each) ORDER BY to_jsonb(each)::text) AS rows
         FROM ${name} AS each WHERE tenant = '${OTHER}'`,
      );
    return all;
  };

  beforeAll(async () => {
    database = await openTestDatabase(engine);
    await database.sql`INSERT INTO control.tenants (tenant) VALUES (${OTHER})`;
    await restartIds(OTHERS);
    const make = (names: readonly string[], seed: number) =>
      names.reduce(
        (done, name) => done.then(() => call(name, context(OTHER, others, [OTHERS], seed))),
        Promise.resolve() as Promise<unknown>,
      );
    others = [{ jobId: OTHERS, leaseToken: OTHERS }];
    for (let seed = 1; seed <= 20; seed++)
      await call("submitJob", context(OTHER, others, [OTHERS], seed * 7919)).catch(() => {});
    others = (
      await claim(database.sql, { tenant: OTHER, kinds: ["test"], worker: "w", maxJobs: 9, leaseSeconds: 60 })
    ).map(({ jobId, leaseToken }) => ({ jobId, leaseToken }));
    const ended = { retrySeconds: 0, throttle: { retryAfterSeconds: 1 }, reason: "r", message: null };
    const outcomes = ["retry", "retry", "failed", "succeeded"] as const;
    await reportJobs(
      database.sql,
      OTHER,
      outcomes.map((outcome, i) => ({ ...(others[i] as HeldLease), ...ended, outcome })),
    );
    await make(["setThrottle", "setSource", "setQuota", "addBlackout", "makeClaim", "pause", "cancelJobs"], 3);
    await make(["declareFeed", "cover", "makeRun", "recordArtifacts", "saveSchedule"], 3);
    await restartIds(1n);
  });
  afterAll(() => database.drop());

  it("see, count and change nothing of each other", async () => {
    const before = await rows();
    const names = Object.keys(CALLS);
    const tables = ["jobs", "dead_letters", "throttles", "sources", "blackouts", "pauses", "audit_log"];
    const ofRuns = ["feeds", "coverage", "watermarks", "runs", "run_windows", "artifacts", "schedules"];
    for (const table of [...tables, ...ofRuns])
      expect(before[`control.${table}`]).toMatchObject({ rows: expect.any(Array) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...names), fc.nat()), { minLength: 20, maxLength: 80, size: "max" }),
        async (calls) => {
          const tenant = `t${tenants++}`;
          await database.sql`INSERT INTO control.tenants (tenant) VALUES (${tenant})`;
          const known = [...others];
          for (const [name, seed] of calls) {
            const result = await call(name, context(tenant, known, [OTHERS, OTHERS + 1n, 1n], seed)).catch((error) => {
              if (error instanceof InputError) return null;
              throw error;
            });
            for (const lease of leasesIn(result)) known.push(lease);
            expect(othersIn(result)).toEqual([]);
          }
          expect(await countsOf(tenant)).toEqual(await storedCountsOf(tenant));
        },
      ),
      { numRuns: runsOf(60) },
    );
    expect(await rows()).toEqual(before);
  });

  it("count nothing of each other under a limit, nor in a dry run", async () => {
    await database.sql`INSERT INTO control.tenants (tenant, max_concurrent) VALUES ('alone', 1)`;
    const alone = context("alone", others, [OTHERS]);
    expect(await call("countJobs", alone)).toEqual([]);
    expect(await call("listSources", alone)).toEqual([]);
    expect(await call("listThrottles", alone)).toEqual([]);
    expect(await call("readUsage", alone)).toMatchObject({ leased: 0, startedToday: null, pausedReason: null });
    expect(await call("redriveDeadLetters", alone)).toEqual({ matching: 0, redriven: 0 });
    expect(await call("cancelJobs", alone)).toEqual({ cancelled: [], leftBlocked: 0 });
    // The other tenant has more leased of this source, has paused it, and waits for this host.
    await submitJob(database.sql, "alone", newJob({ source: "kraken", host: "api.example", feed: "f", runId: 7n }));
    expect(await call("makeClaim", alone)).toHaveLength(1);
  });

  const countsOf = async (tenant: string) => {
    const counts = (await call("countJobs", context(tenant, others, [OTHERS]))) as { count: number }[];
    const usage = (await call("readUsage", context(tenant, others, [OTHERS]))) as { leased: number };
    return { jobs: counts.reduce((sum, { count }) => sum + count, 0), leased: usage.leased };
  };
  const storedCountsOf = async (tenant: string) => {
    const [row] = await database.sql`
      SELECT count(*)::integer AS jobs, count(*) FILTER (WHERE state = 'leased')::integer AS leased
      FROM control.jobs WHERE tenant = ${tenant}`;
    return row;
  };
});

/** Returns what in a result is an id or a name of the other tenant. */
function othersIn(result: unknown): unknown[] {
  if (typeof result === "bigint") return result >= OTHERS && result < OTHERS + 1_000_000n ? [result] : [];
  if (typeof result === "string")
    return result.includes(OTHER) ? [result] : othersIn(/^\d+$/.test(result) ? BigInt(result) : null);
  if (typeof result !== "object" || result === null) return [];
  return Object.entries(result).flatMap(([name, value]) => (name === "target" ? [] : othersIn(value)));
}

function leasesIn(result: unknown): HeldLease[] {
  const all = Array.isArray(result) ? result : [result];
  return all
    .filter((each): each is { jobId: bigint; leaseToken?: bigint } => typeof each?.jobId === "bigint")
    .map(({ jobId, leaseToken = 1n }) => ({ jobId, leaseToken }));
}
