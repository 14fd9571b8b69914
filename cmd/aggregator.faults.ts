import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../internal/cache/open-store.ts";
import { deleteTestKeys, testKeyPrefix, testRedisUrl } from "../internal/cache/redis/store.testing.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../internal/storage/connection/database.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { type RunningProgram, startProgram } from "../test/program.ts";
import { aggregatorEnvironment, PAIRS, trade } from "./aggregator.testing.ts";

const redisUrl = await testRedisUrl();
const isLeftOut = redisUrl === null || serverTestEngine === null;
if (isLeftOut) console.log("left out: an aggregator that is killed, because it needs both PostgreSQL and Redis");

describe.skipIf(isLeftOut)("aggregator", () => {
  let database: TestDatabase;
  const running: RunningProgram[] = [];

  beforeAll(async () => {
    database = await openTestDatabase(serverTestEngine as NonNullable<typeof serverTestEngine>);
  });
  afterEach(async () => {
    for (const program of running.splice(0)) if (program.process.exitCode === null) await program.stop("SIGKILL");
  });
  afterAll(() => database?.drop());

  function start(keyPrefix: string): RunningProgram {
    const program = startProgram(["aggregator"], aggregatorEnvironment(database.url, redisUrl as string, keyPrefix));
    running.push(program);
    return program;
  }

  it("keeps no state: if it is killed at random moments, it publishes what an undisturbed one does", async () => {
    const [calm, killed] = [testKeyPrefix(), testKeyPrefix()];
    const stores = [calm, killed].map((key_prefix) => openStore({ url: redisUrl as string, key_prefix }));
    const published = stores.map(() => new Map<string, string>());
    await Promise.all(
      stores.map((each, index) =>
        each.subscribe(async ({ key, to }) => {
          const [value] = await each.read([key]);
          if (value != null && JSON.parse(value).to === to) published[index]?.set(`${key} ${to}`, value);
        }),
      ),
    );
    const writing = new AbortController();
    const decoder = writeLive(database, writing.signal);
    start(calm);
    for (let round = 0; round < 4; round++) {
      const program = start(killed);
      await program.line((line) => line.includes('"msg":"tick"'));
      await moments(Math.floor(Math.random() * 900));
      await program.stop("SIGKILL");
    }
    const last = start(killed);
    await last.line((line) => line.includes('"msg":"tick"'));
    const common = (): string[] => [...(published[1]?.keys() ?? [])].filter((key) => published[0]?.has(key));
    await expect.poll(() => common().length, { timeout: 20_000 }).toBeGreaterThan(30);
    writing.abort();
    await decoder;
    for (const key of common()) expect(published[1]?.get(key)).toBe(published[0]?.get(key));
    await Promise.all(stores.map((each) => each.close()));
    for (const each of [calm, killed]) await deleteTestKeys(redisUrl as string, each);
  });
});

/** Writes a trade of every pair every few milliseconds, each within its settle time. */
async function writeLive(database: TestDatabase, signal: AbortSignal): Promise<void> {
  for (let count = 0; !signal.aborted; count++) {
    const now = BigInt(Date.now()) * 1000n;
    await writeTrades(
      database,
      PAIRS.map((pair) => trade(pair, now, `live-${count}`)),
    );
    await moments(20);
  }
}

function moments(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
