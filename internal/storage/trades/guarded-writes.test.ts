import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CircuitBreaker, CircuitOpen, makeCircuitBreaker } from "../../lib/circuit-breaker.ts";
import { makeSemaphore } from "../../lib/semaphore.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { boundedBy, type Database } from "../connection/database.ts";
import { isUnavailable } from "../connection/errors.ts";
import { connect } from "../connection/pool.ts";
import { batchWriterFor } from "../schema/chunked-writes.ts";
import { freshPair, trade } from "./trades.testing.ts";
import { writeTrades } from "./trades.ts";

const T = "2026-03-01T10:45:00Z";

describe.each(testEngines.slice(-1))("writes to $name", (engine) => {
  let database: TestDatabase;
  let now = 0;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  function makeBreaker(): CircuitBreaker {
    return makeCircuitBreaker(
      "the database",
      { failures: 2, cooldownSeconds: 5, stopwatch: () => now, onChange: () => {} },
      isUnavailable,
    );
  }

  it("open the circuit while the database is away, are refused at once then, and close it again", async () => {
    const breaker = makeBreaker();
    const sql = connect("postgres://nobody@127.0.0.1:1/nothing", { max: 1 });
    const away: Database = { ...database, sql, breaker };
    const rows = [trade(freshPair(), T)];
    for (let failure = 1; failure <= 2; failure++) {
      await expect(writeTrades(away, rows)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    }
    expect(breaker.state()).toBe("open");
    await expect(writeTrades({ ...database, breaker }, rows)).rejects.toBeInstanceOf(CircuitOpen);
    now += 6;
    expect(await writeTrades({ ...database, breaker }, rows)).toMatchObject({ inserted: 1 });
    expect(breaker.state()).toBe("closed");
    await sql.end({ timeout: 0 });
  });

  it("that the database refuses leave the circuit closed", async () => {
    const breaker = makeBreaker();
    const rows = [trade(freshPair(), T, { base: "0" })];
    for (let refusal = 1; refusal <= 3; refusal++) {
      await expect(writeTrades({ ...database, breaker }, rows)).rejects.toMatchObject({ code: "23514" });
    }
    expect(breaker.state()).toBe("closed");
  });

  it("wait for their turn with what else is bounded, in one call for the row and what is known of it", async () => {
    const semaphore = makeSemaphore(1, () => 0);
    let calls = 0;
    const bounded = boundedBy(database, (call) => {
      calls++;
      return semaphore.run(call, 0);
    });
    let goOn = (): void => {};
    const held = bounded.breaker.run(
      () =>
        new Promise<void>((resolve) => {
          goOn = resolve;
        }),
    );
    const pair = freshPair();
    const written = writeTrades(bounded, [trade(pair, T), trade(pair, T, { quote: "2" })]);
    const count = async () => {
      const [row] = await database.sql<
        { count: string }[]
      >`SELECT count(*)::text FROM trades WHERE base_asset = ${pair.base}`;
      return row?.count;
    };
    expect(await count()).toBe("0");
    goOn();
    await held;
    expect(await written).toMatchObject({ inserted: 1, known: 1, conflicting: [expect.anything()] });
    expect([calls, await count()]).toEqual([2, "1"]);
  });

  it("go through the circuit as batches, too", async () => {
    let calls = 0;
    const counted = boundedBy(database, (call) => {
      calls++;
      return call();
    });
    const write = await batchWriterFor(counted, () => 0n);
    expect(await write([trade(freshPair(), T)])).toMatchObject({ inserted: 1 });
    expect(calls).toBe(1);
  });
});
