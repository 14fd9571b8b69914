import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../open-database.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { withSnapshot } from "../windows/snapshot.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "./database.testing.ts";
import type { Database } from "./database.ts";
import { isUnavailable } from "./errors.ts";
import type { Sql } from "./pool.ts";
import { inTransaction } from "./transaction.ts";

const T = 1_772_359_200_000_000n;

// An error that the driver throws outside of any promise would fail these tests as unhandled.
describe.each(testEngines.filter(({ server }) => server !== null))("a transaction on $name", (engine) => {
  let database: TestDatabase;
  let session: Database;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    session = await openDatabase({ url: database.url, max_connections: 1 });
  });
  afterEach(() => session.close());

  const pidOf = async (sql: Sql): Promise<number> => {
    const [row] = await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
    return row?.pid ?? 0;
  };
  const end = (pid: number) => database.sql`SELECT pg_terminate_backend(${String(pid)}::text::int)`;
  const reasonOf = (run: Promise<unknown>): Promise<unknown> =>
    run.then(
      () => null,
      (reason: unknown) => reason,
    );

  it("fails if its session ends during a statement, and the pool opens another", async () => {
    const reason = await reasonOf(
      inTransaction(session.sql, "", async (sql) => {
        const pid = await pidOf(sql);
        const sleeping = sql`SELECT pg_sleep(60)`.execute();
        await end(pid);
        await sleeping;
      }),
    );
    expect([reason, isUnavailable(reason)]).toEqual([expect.any(Error), true]);
    // The first statement of the new connection may still fail with the error of the old one.
    await expect.poll(() => inTransaction(session.sql, "", pidOf).catch(() => 0)).toBeGreaterThan(0);
  });

  it("fails if its session ends between two statements, refuses the second, and commits nothing", async () => {
    let lost: () => void = () => {};
    const isLost = new Promise<void>((resolve) => {
      lost = resolve;
    });
    let tell: (reason: Promise<unknown>) => void = () => {};
    const second = new Promise<unknown>((resolve) => {
      tell = resolve;
    });
    const run = inTransaction(session.sql, "READ ONLY", async (sql) => {
      await end(await pidOf(sql));
      await isLost;
      tell(reasonOf((async () => sql`SELECT 1`)()));
      await second;
    });
    const reason = await reasonOf(run);
    expect([reason, isUnavailable(reason)]).toEqual([expect.any(Error), true]);
    lost();
    expect(await second).toBe(reason);
  });

  it("fails a snapshot with many queries in flight", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T)]);
    const reason = await reasonOf(
      withSnapshot(session, async (reader) => {
        const ask = (index: number) =>
          reader.totals([pair], { from: T - BigInt(index) * 1_000_000n, to: T + 60_000_000n });
        await ask(0);
        const [row] = await database.sql<{ pid: number }[]>`
          SELECT pid FROM pg_stat_activity
          WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()`;
        await end(row?.pid ?? 0);
        for (let index = 1; ; index++) await Promise.all([ask(index), ask(-index)]);
      }),
    );
    expect([reason, isUnavailable(reason)]).toEqual([expect.any(Error), true]);
  });

  it("refuses statements after its end", async () => {
    const left = await inTransaction(session.sql, "", async (sql) => ({ sql }));
    expect(() => left.sql`SELECT 1`).toThrow("the transaction is over");
  });

  it("rolls back if its callback fails", async () => {
    const pair = freshPair();
    const failing = inTransaction(session.sql, "", async (sql) => {
      await sql`
        INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
        VALUES (${pair.base}, ${pair.quote}, now(), 'kraken', '1', 1, 1)`;
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await database.sql`SELECT FROM trades WHERE base_asset = ${pair.base}`).toHaveLength(0);
  });
});
