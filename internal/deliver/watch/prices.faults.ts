import { describe, expect, it, onTestFinished } from "vitest";
import { canStartRedis, makeRedisServer } from "../../cache/redis/server.testing.ts";
import { openRedisStore } from "../../cache/redis/store.ts";
import { testEngines } from "../../storage/connection/database.testing.ts";
import { testLedger } from "../../storage/control/jobs.testing.ts";
import { freshPair } from "../../storage/trades/trades.testing.ts";
import { range, type Slot, testPrices } from "./prices.testing.ts";

describe.skipIf(!canStartRedis()).each(testEngines.slice(-1))("prices watched on $name", (engine) => {
  const ledger = testLedger(engine);
  const { writeSlots, setUp, expected } = testPrices(ledger);

  it("are told of the time in which Redis was killed, once it is back without data", { timeout: 60_000 }, async () => {
    const server = await makeRedisServer();
    onTestFinished(() => server.remove());
    await server.start();
    const pair = freshPair();
    const slots: Slot[] = ["usual", "usual", "nothing", "small", "nothing", "usual"];
    await writeSlots(pair, slots);
    const { want, tick, watchPrices, waitFor, conflicts } = setUp(openRedisStore(server.url, ""), [pair]);
    await want();
    watchPrices();
    await tick(0);
    await waitFor(1);
    await server.kill();
    for (const index of [1, 2]) await expect(tick(index)).rejects.toThrow("Redis");
    await server.start();
    await expect
      .poll(
        () =>
          tick(5).then(
            () => true,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(true);
    const events = await expected(pair, range(slots.length));
    expect(await waitFor(events.length)).toEqual(events);
    expect(await conflicts()).toBe(0);
  });
});
