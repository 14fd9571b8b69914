import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { connect } from "../../internal/storage/connection/pool.ts";
import { expectRecovered, fault, inTick, nowMicros } from "./recovery.ts";
import { canMakeWorld, makeWorld, type World } from "./world.ts";

/** Longer than the interval of ticks. */
const OUTAGE_MS = 2_500;
/** Trades per market and statement; two markets, two sources and ten statements per second make 40 times as many. */
const FLOOD = 200;

describe.skipIf(!canMakeWorld("faults of the database"))("the daemons recover from a database that is", () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld({});
  });
  afterAll(() => world?.end());

  it("undisturbed", () => expectRecovered(world, nowMicros()));

  it.each(["fast", "immediate"] as const)("stopped (%s) and started during a tick", async (how) => {
    const faultEnd = await fault(async () => {
      await inTick(world, () => world.postgres.stop(how));
      await world.postgres.start();
    });
    await expectRecovered(world, faultEnd);
  });

  it("down for longer than an interval", async () => {
    const faultEnd = await fault(async () => {
      await world.postgres.stop("immediate");
      await pause(OUTAGE_MS);
      await world.postgres.start();
    });
    await expectRecovered(world, faultEnd);
  });

  it("frozen with its connections open", async () => {
    await world.decoder.pause();
    const faultEnd = await fault(async () => {
      world.postgres.freeze();
      await pause(OUTAGE_MS);
      world.postgres.thaw();
    });
    world.decoder.resume();
    await expectRecovered(world, faultEnd);
  });

  it.each(["trades", "trades_1m"])("blocking a query, because %s is locked", async (table) => {
    await world.decoder.pause();
    const sql = connect(world.postgres.url, { max: 1 });
    const faultEnd = await fault(() =>
      sql.begin(async (transaction) => {
        await transaction.unsafe(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
        await pause(2 * OUTAGE_MS);
      }),
    );
    await sql.end();
    world.decoder.resume();
    await expectRecovered(world, faultEnd);
  });

  it("flooded by a decoder", async () => {
    const faultEnd = await fault(async () => {
      world.decoder.flood(FLOOD);
      await pause(2 * OUTAGE_MS);
      world.decoder.flood(1);
    });
    await expectRecovered(world, faultEnd);
  });
});
