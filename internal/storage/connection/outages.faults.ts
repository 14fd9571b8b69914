import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FaultProxy, startFaultProxy } from "../../../test/faults/fault-proxy.ts";
import { asError } from "../../lib/as-error.ts";
import { CircuitOpen, type CircuitState } from "../../lib/circuit-breaker.ts";
import { openDatabase } from "../open-database.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "./database.testing.ts";
import type { ConnectionOptions, Database } from "./database.ts";
import { isIndependentOfQuery, isTimedOut, isUnavailable } from "./errors.ts";
import type { Sql } from "./pool.ts";
import { readOnly } from "./read-only.ts";
import { inTransaction } from "./transaction.ts";

const QUERY_TIMEOUT_SECONDS = 0.5;
/** More bytes than the socket buffers between two local processes hold. */
const LONG = "SELECT repeat('x', 100000) AS text FROM generate_series(1, 1000)";

const reasonOf = (run: Promise<unknown>): Promise<Error | null> => run.then(() => null, asError);
const pidOf = async (sql: Sql): Promise<number> => {
  const [row] = await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
  return row?.pid ?? 0;
};

describe.each(testEngines.filter(({ server }) => server !== null))("network faults before $name", (engine) => {
  let database: TestDatabase;
  let proxy: FaultProxy;
  const opened: Database[] = [];
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    proxy = await startFaultProxy(Number(new URL(database.url).port || 5432));
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each.close()));
    await proxy.close();
  });

  async function open(
    options: ConnectionOptions = { queryTimeoutSeconds: QUERY_TIMEOUT_SECONDS },
    max_connections = 2,
  ) {
    const url = new URL(database.url);
    url.host = `127.0.0.1:${proxy.port}`;
    const one = await openDatabase({ url: url.href, max_connections, connect_timeout_seconds: 1 }, options);
    opened.push(one);
    return one;
  }

  const expectRecovery = (one: Database) =>
    expect.poll(() => inTransaction(one.sql, "", pidOf).catch(() => 0), { timeout: 20_000 }).toBeGreaterThan(0);

  it("every connection of a daemon has timeouts, and that of a command has none", async () => {
    const limits = async ({ sql }: Database) => {
      const [row] = await sql`
        SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
          current_setting('idle_in_transaction_session_timeout') AS idle`;
      return row;
    };
    expect(await limits(await open({ queryTimeoutSeconds: 3 }))).toEqual({
      statement: "3s",
      lock: "1500ms",
      idle: "3s",
    });
    expect(await limits(await open({}))).toEqual({ statement: "0", lock: "0", idle: "0" });
  });

  it("a query that hangs is cancelled without affecting others", async () => {
    const one = await open();
    const before = await pidOf(one.sql);
    const [hanging, other] = await Promise.all([reasonOf(one.sql`SELECT pg_sleep(600)`), reasonOf(one.sql`SELECT 1`)]);
    expect(hanging).toMatchObject({ code: "57014" });
    expect([isTimedOut(hanging), isUnavailable(hanging), isIndependentOfQuery(hanging)]).toEqual([true, false, false]);
    expect(other).toBe(null);
    const pids = await Promise.all([pidOf(one.sql), pidOf(one.sql)]);
    expect(pids).toContain(before);
  });

  it("waiting for a lock times out", async () => {
    const one = await open();
    await inTransaction(database.sql, "", async (sql) => {
      await sql`LOCK TABLE retention_horizons IN ACCESS EXCLUSIVE MODE`;
      const reason = await reasonOf(readOnly(one, async () => {}));
      expect(reason).toMatchObject({ code: "55P03" });
      expect([isTimedOut(reason), isUnavailable(reason), isIndependentOfQuery(reason)]).toEqual([true, false, true]);
    });
    expect(await reasonOf(readOnly(one, async () => {}))).toBe(null);
  });

  it("an idle transaction loses its locks and fails", async () => {
    const one = await open();
    const reason = await reasonOf(
      readOnly(one, async (sql) => {
        const pid = await pidOf(sql);
        const sessions = () => database.sql`SELECT 1 FROM pg_stat_activity WHERE pid = ${String(pid)}::text::int`;
        await expect.poll(async () => (await sessions()).length, { timeout: 20_000 }).toBe(0);
        await sql`SELECT 1`;
      }),
    );
    expect([reason, isUnavailable(reason)]).toEqual([expect.any(Error), true]);
    await expectRecovery(one);
  });

  it("a connection whose server stops answering during a query, a reply or a pipeline is closed", async () => {
    const one = await open();
    const answered = one.sql.unsafe(LONG).forEach(() => {
      proxy.blackhole();
    });
    expect(await reasonOf(answered)).toMatchObject({ code: "ETIMEDOUT" });
    proxy.cut();
    proxy.restore();
    await expectRecovery(one);

    const piped = inTransaction(one.sql, "", async (sql) => {
      const first = sql`SELECT 1`.execute();
      const second = sql`SELECT pg_sleep(0.2)`.execute();
      await first;
      proxy.blackhole();
      await second;
    });
    const reason = await reasonOf(piped);
    expect([reason, isUnavailable(reason)]).toEqual([expect.any(Error), true]);
    proxy.cut();
    proxy.restore();
    await expectRecovery(one);

    proxy.blackhole();
    const unanswered = await reasonOf(one.sql`SELECT 1`);
    expect([unanswered, isUnavailable(unanswered)]).toEqual([expect.any(Error), true]);
    proxy.cut();
    proxy.restore();
    await expectRecovery(one);
  });

  it("a connection whose server answers slowly is kept, and timeouts of the URL take precedence", async () => {
    const url = new URL(database.url);
    url.searchParams.set("statement_timeout", "0");
    const one = await openDatabase(
      { url: url.href, max_connections: 1 },
      { queryTimeoutSeconds: QUERY_TIMEOUT_SECONDS },
    );
    opened.push(one);
    // Row by row, for longer than the read timeout in total.
    const rows = await one.sql`SELECT repeat('x', 10000), pg_sleep(0.3) FROM generate_series(1, 12)`;
    expect(rows.length).toBe(12);
  });

  it("a connection that is cut fails only its own transaction or query", async () => {
    const one = await open({
      queryTimeoutSeconds: QUERY_TIMEOUT_SECONDS,
      circuit: { ...circuit().options, failures: 9 },
    });
    const inAnswer = await reasonOf(
      one.sql.unsafe(LONG).forEach(() => {
        proxy.cut();
      }),
    );
    expect([inAnswer, isUnavailable(inAnswer)]).toEqual([expect.any(Error), true]);
    await expectRecovery(one);
    let runs = 0;
    const inTransactionOf = await reasonOf(
      readOnly(one, async (sql) => {
        runs++;
        proxy.cut();
        await sql`SELECT 1`;
      }),
    );
    expect([inTransactionOf, isUnavailable(inTransactionOf)]).toEqual([expect.any(Error), true]);
    expect(runs).toBe(1);
    await expectRecovery(one);
  });

  it.each(["client", "server"] as const)(
    "a connection that is half-closed towards the %s fails its queries",
    async (side) => {
      const one = await open();
      const sleeping = reasonOf(one.sql`SELECT pg_sleep(600)`);
      const sleeps = () =>
        database.sql`SELECT 1 FROM pg_stat_activity WHERE query ~ 'pg_sleep.600' AND state = 'active' AND pid <> pg_backend_pid()`;
      await expect.poll(async () => (await sleeps()).length).toBeGreaterThan(0);
      proxy.halfClose(side);
      expect(await sleeping).toBeInstanceOf(Error);
      await expectRecovery(one);
    },
  );

  it("reads survive the loss of every idle connection", async () => {
    // The driver may report the end of a connection more than once.
    const one = await open({ circuit: { ...circuit().options, failures: 5 } }, 1);
    for (let round = 0; round < 3; round++) {
      // It ends during a query, so that the driver fails the next one with it.
      const pid = await pidOf(one.sql);
      const sleeping = reasonOf(one.sql`SELECT pg_sleep(600)`);
      await database.sql`SELECT pg_terminate_backend(${String(pid)}::text::int)`;
      await sleeping;
      expect(await reasonOf(readOnly(one, async () => {}))).toBe(null);
    }
  });

  /** A circuit breaker of two failures, on a clock that the test advances. */
  function circuit() {
    let now = 0;
    const states: CircuitState[] = [];
    const onChange = (state: CircuitState) => states.push(state);
    return {
      states,
      options: { failures: 2, cooldownSeconds: 10, stopwatch: () => now, onChange },
      pass: (seconds: number) => {
        now += seconds;
      },
    };
  }

  it("the circuit opens if the database is down, refuses immediately, tries after the cooldown and closes", async () => {
    const { states, options, pass } = circuit();
    const one = await open({ queryTimeoutSeconds: QUERY_TIMEOUT_SECONDS, circuit: options });
    const read = () => reasonOf(readOnly(one, async () => {}));
    proxy.blackhole();
    for (let time = 0; time < 2; time++) expect(isUnavailable(await read())).toBe(true);
    expect(await read()).toBeInstanceOf(CircuitOpen);
    proxy.cut();
    proxy.restore();
    expect(await read()).toBeInstanceOf(CircuitOpen);
    pass(10);
    expect(await read()).toBe(null);
    expect(states).toEqual(["open", "half-open", "closed"]);
  });

  it("slow queries do not open the circuit", async () => {
    const { states, options } = circuit();
    const one = await open({ queryTimeoutSeconds: QUERY_TIMEOUT_SECONDS, circuit: options });
    for (let time = 0; time < 3; time++) {
      const reason = await reasonOf(
        readOnly(one, async (sql) => {
          await sql`SELECT pg_sleep(600)`;
        }),
      );
      expect(isTimedOut(reason)).toBe(true);
    }
    expect(states).toEqual([]);
  });

  it("connecting times out if the server accepts connections without answering", async () => {
    proxy.blackhole();
    await expect(open()).rejects.toThrow(
      /does not answer in time \(.* does not answer the login within 1 s\).*\[database\] url/,
    );
  });
});
