import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  connectBeside,
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../../internal/storage/connection/database.testing.ts";
import { inTransaction } from "../../internal/storage/connection/transaction.ts";
import { makeControlProcesses, statesOf, untilAllEnded, untilWorkGoesOn } from "./control-processes.ts";
import { count } from "./figures.ts";
import { ledgerFaults } from "./ledger-invariants.ts";

/** How long the transaction stays open, in seconds. STELLARINDEX_TEST_IDLE_SECONDS=600 is ten minutes. */
const IDLE_SECONDS = Number(process.env["STELLARINDEX_TEST_IDLE_SECONDS"] ?? 30);
/** Between two submissions to each daemon. */
const PAUSE_MS = 50;

describe.skipIf(serverTestEngine === null)("a database session that is idle in a transaction", () => {
  let database: TestDatabase;
  const processes = makeControlProcesses(() => database.url);

  beforeAll(async () => {
    if (serverTestEngine !== null) database = await openTestDatabase(serverTestEngine);
  });
  afterEach(() => processes.kill());
  afterAll(() => database?.drop());

  it(
    "keeps no job from being claimed and completed, though what it may still see is not removed",
    async () => {
      const { startDaemon, startWorker, submitSteadily, submitted } = processes;
      const daemons = [await startDaemon(), await startDaemon()];
      await startWorker("a");
      await startWorker("b");
      const submitting = submitSteadily(daemons, () => sleep(PAUSE_MS));
      await untilWorkGoesOn(() => database, submitting, 5);
      const idle = connectBeside(database, { max: 1 });
      count("faults");
      await inTransaction(idle, "ISOLATION LEVEL REPEATABLE READ", async (sql) => {
        const seen = await statesOf({ sql });
        const before = (await statesOf(database))["succeeded"] ?? 0;
        do await untilWorkGoesOn(() => database, submitting, 5);
        while ((await secondsIdle()) < IDLE_SECONDS);
        count("idleSeconds", Math.floor(await secondsIdle()));
        count("idleJobs", ((await statesOf(database))["succeeded"] ?? 0) - before);
        // The whole time it has had one snapshot, which vacuum must spare.
        expect(await statesOf({ sql })).toEqual(seen);
      });
      await idle.end();
      await submitting.stop();
      await untilAllEnded(database);
      expect(await ledgerFaults(database.sql, submitted)).toEqual([]);
      expect(await statesOf(database)).toEqual({ succeeded: new Set(submitted).size });
      count("ledgerJobs", new Set(submitted).size);
    },
    (IDLE_SECONDS + 240) * 1000,
  );

  /** For how long the transaction has been open; an error where it is not idle. */
  async function secondsIdle(): Promise<number> {
    const [row] = await database.sql<{ seconds: number }[]>`
      SELECT extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds FROM pg_stat_activity
      WHERE datname = current_database() AND state = 'idle in transaction' AND backend_xmin IS NOT NULL
      ORDER BY xact_start LIMIT 1`;
    if (row === undefined) throw new Error("no database session is idle in a transaction");
    return row.seconds;
  }
});
