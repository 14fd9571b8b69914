import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { openDatabase } from "../../internal/storage/database.ts";
import { makePostgresServer, type PostgresServer } from "./postgres-server.ts";
import { expectNothingWrong, expectRecovered, expectUp, fault, nowMicros } from "./recovery.ts";
import { canMakeWorld, makeWorld, STANDBY, type World } from "./world.ts";

const PATIENCE = { timeout: 30_000, interval: 100 };

/** The daemons' URL names a primary and then its standby, which lacks the last second of it. */
describe.skipIf(!canMakeWorld("failovers under the daemons"))("a primary and its standby", () => {
  let world: World;
  let standby: PostgresServer;
  let next: PostgresServer | undefined;
  beforeAll(async () => {
    // What was published before lives through the longest of the outages, so that its age says whether it is stale.
    world = await makeWorld({ hasStandby: true, environment: { STELLARINDEX_AGGREGATE_WINDOWS: "1m,5m" } });
    standby = world.standby as PostgresServer;
  });
  afterAll(async () => {
    await world?.end();
    await next?.remove();
  });

  it("the primary is frozen: what the standby lacks is not published; then it is back", async () => {
    await world.decoder.pause();
    const cured = await fault(async () => {
      world.postgres.freeze();
      await untilNothingIsComplete();
      world.postgres.thaw();
    });
    world.decoder.resume();
    await expectRecovered(world, cured);
  });

  it("the primary is frozen and the standby promoted: it goes on there, also when the old one believes to be it", async () => {
    await world.decoder.pause();
    await fault(async () => {
      world.postgres.freeze();
      await untilNothingIsComplete();
      await promote(standby);
    });
    world.decoder.resume();
    const { stored } = world.decoder;
    await vi.waitUntil(() => world.decoder.stored > stored, PATIENCE);
    // Who judges has gone over to the new one, too, before the old one answers again.
    await expectNothingWrong(world);
    world.postgres.thaw();
    for (const wire of [world.databaseWire, world.standbyWire]) wire?.cut();
    await expectRecovered(world, nowMicros());
  });

  it("the old primary follows the new one, and takes over when that is killed", async () => {
    const { port } = world.postgres;
    await world.postgres.remove();
    next = await makePostgresServer(standby, { ...STANDBY, port });
    await next.start();
    await fault(async () => {
      await standby.stop("immediate");
      await untilNothingIsComplete();
      await promote(next as PostgresServer);
    });
    await expectRecovered(world, nowMicros());
  });

  /** Waits until the aggregator is at a standby and has seen some boundaries that are not complete there. */
  async function untilNothingIsComplete(): Promise<void> {
    const [aggregator] = world.aggregators;
    const from = aggregator?.lines.length ?? 0;
    const refused = () =>
      (aggregator?.lines ?? []).slice(from).filter((line) => line.includes("may lack trades there"));
    await vi.waitUntil(() => refused().length >= 2, PATIENCE);
    expectUp(world);
  }
});

async function promote({ url }: PostgresServer): Promise<void> {
  const { sql, close } = await openDatabase({ url, max_connections: 1 });
  await sql`SELECT pg_promote()`;
  await close();
}
