import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { testEngines } from "../connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { cancelJobs } from "../control/job-actions.ts";
import { TESTER, testLedger } from "../control/jobs.testing.ts";
import { declare, newDestination, newEvent, record } from "./events.testing.ts";
import { removeEndedHeads } from "./order-heads.ts";

describe.each(enginesOf(testEngines))("heads of keys on $name", (engine) => {
  const ledger = testLedger(engine);
  const jobs = () => ledger.database.sql<{ jobId: string; state: string }[]>`
    SELECT job_id::text AS "jobId", state FROM control.jobs WHERE tenant = ${ledger.tenant} ORDER BY job_id`;
  const remove = () =>
    inTransaction(ledger.database.sql, READ_COMMITTED, (sql) => removeEndedHeads(sql, ledger.tenant));

  it("that a new delivery is added to while the ended ones are removed keep it, so that the next waits for it", async () => {
    const { database, tenant } = ledger;
    await declare(database, tenant, [newDestination({ orderKey: "/key" })]);
    // So many that their removal takes some time.
    await database.sql`
      INSERT INTO events.order_heads (tenant, destination, order_key)
      SELECT ${tenant}, 'board', 'a' || number FROM generate_series(1, 20000) AS number`;
    const add = (id: string) => record(database, tenant, [newEvent({ id, body: '{"key":"k"}' })]);
    for (let round = 0; round < 4; round++) {
      const before = (await jobs()).map(({ jobId }) => BigInt(jobId));
      await cancelJobs(database.sql, { tenant, ...TESTER }, before);
      await Promise.all([remove(), add(`${round}-first`)]);
      await add(`${round}-second`);
      expect((await jobs()).slice(before.length).map(({ state }) => state)).toEqual(["ready", "blocked"]);
      await database.sql`
        INSERT INTO events.order_heads (tenant, destination, order_key)
        SELECT ${tenant}, 'board', 'a' || number FROM generate_series(1, 20000) AS number ON CONFLICT DO NOTHING`;
    }
  });
});
