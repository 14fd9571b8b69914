import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { type TestEngine, testEngines } from "../../storage/connection/database.testing.ts";
import type { Sql } from "../../storage/connection/pool.ts";
import { inTransaction, READ_COMMITTED } from "../../storage/connection/transaction.ts";
import { newJob, testLedger } from "../../storage/control/jobs.testing.ts";
import { submitJob } from "../../storage/control/submit.ts";
import { makeTail, type Tail } from "./tail.ts";

async function polled(tail: Tail): Promise<bigint[]> {
  const found: bigint[] = [];
  await tail.poll((batch) => found.push(...batch.map(({ jobId }) => jobId)));
  return found;
}

describe.each(enginesOf(testEngines))("the history's tail on $name", (engine: TestEngine) => {
  const ledger = testLedger(engine);
  const submit = (sql: Sql, tenant = ledger.tenant) => submitJob(sql, tenant, newJob()).then(({ jobId }) => jobId);
  const committed = () => inTransaction(ledger.database.sql, READ_COMMITTED, (sql) => submit(sql));

  it("returns what was committed since the last poll, once, and of the tenant only", async () => {
    const { sql } = ledger.database;
    await committed();
    const tail = await makeTail(sql, [ledger.tenant]);
    expect(await polled(tail)).toEqual([]);
    const jobs = [await committed(), await committed()];
    await sql`INSERT INTO control.tenants (tenant) VALUES ('other') ON CONFLICT DO NOTHING`;
    const other = await submit(sql, "other");
    expect(await polled(tail)).toEqual(jobs);
    expect(await polled(tail)).toEqual([]);
    expect(await polled(await makeTail(sql, null))).toEqual([]);
    expect(other).not.toBe(0n);
  });

  it("reads more than one batch", async () => {
    const { sql } = ledger.database;
    const tail = await makeTail(sql, [ledger.tenant]);
    const first = await committed();
    await sql`
      INSERT INTO control.job_history (tenant, job_id, to_state, attempt)
      SELECT ${ledger.tenant}, ${String(first)}::bigint, 'ready', 0 FROM generate_series(1, 2500)`;
    expect((await polled(tail)).length).toBe(2501);
  });
});

const servers = testEngines.filter(({ server }) => server !== null).slice(0, 1);

describe.each(servers)("the history's tail beside open transactions on $name", (engine: TestEngine) => {
  const ledger = testLedger(engine);

  /** Begins a transaction that submits a job at once, and commits when told to. */
  async function begun() {
    let commit = (): void => {};
    const told = new Promise<void>((resolve) => {
      commit = resolve;
    });
    let submitted = (_id: bigint): void => {};
    const job = new Promise<bigint>((resolve) => {
      submitted = resolve;
    });
    const over = inTransaction(ledger.database.sql, READ_COMMITTED, async (sql) => {
      submitted((await submitJob(sql, ledger.tenant, newJob())).jobId);
      await told;
    });
    return {
      job: await job,
      commit: async () => {
        commit();
        await over;
      },
    };
  }

  it("skips no entry that is committed after a higher one, and waits for no open transaction", async () => {
    const { sql } = ledger.database;
    // The lane is there, so that no submission waits for another.
    await submitJob(sql, ledger.tenant, newJob());
    const tail = await makeTail(sql, [ledger.tenant]);
    const first = await begun();
    const second = await begun();
    const start = tail.position();
    await second.commit();
    expect(await polled(tail)).toEqual([second.job]);
    expect(await polled(tail)).toEqual([]);
    const held = tail.position();
    await first.commit();
    expect(await polled(tail)).toEqual([first.job]);
    // Whoever came back with the position of before would have got the first one, too.
    const [entry] = await sql<{ id: string }[]>`
      SELECT entry_id::text AS id FROM control.job_history
      WHERE tenant = ${ledger.tenant} AND job_id = ${String(first.job)}::bigint`;
    expect(held).toBeLessThan(BigInt(entry?.id ?? 0));
    // Transactions of other databases of the server hold the position back, too, until they end.
    const positionNow = async () => {
      await polled(tail);
      return tail.position();
    };
    await expect.poll(positionNow, { timeout: 30_000 }).toBeGreaterThan(start);
  });

  it("returns each entry exactly once, however transactions are interleaved", async () => {
    const { sql } = ledger.database;
    await submitJob(sql, ledger.tenant, newJob());
    const step = fc.constantFrom("begin", "commit oldest", "commit newest", "poll");
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const tail = await makeTail(sql, [ledger.tenant]);
        const open: Awaited<ReturnType<typeof begun>>[] = [];
        const expected: bigint[] = [];
        const found: bigint[] = [];
        const end = async (ended: (typeof open)[number] | undefined) => {
          if (ended === undefined) return;
          await ended.commit();
          expected.push(ended.job);
        };
        for (const each of steps) {
          if (each === "poll") found.push(...(await polled(tail)));
          else if (each === "commit oldest") await end(open.shift());
          else if (each === "commit newest") await end(open.pop());
          else if (open.length < 4) open.push(await begun());
        }
        while (open.length > 0) await end(open.pop());
        found.push(...(await polled(tail)));
        const sorted = (ids: bigint[]) => ids.map(Number).sort((a, b) => a - b);
        expect(sorted(found)).toEqual(sorted(expected));
      }),
      { numRuns: runsOf(80) },
    );
  });
});
