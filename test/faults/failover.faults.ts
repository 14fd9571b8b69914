import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { makePostgresServer, type PostgresServer } from "./postgres-server.ts";
import { expectNothingWrong, expectRecovered, expectUp, fault, nowMicros } from "./recovery.ts";
import { canMakeWorld, makeWorld, STANDBY, type World } from "./world.ts";

const TIMEOUT = { timeout: 30_000, interval: 100 };

/** The daemons' URL names a primary and then its standby, which is a second behind. */
describe.skipIf(!canMakeWorld("failovers under the daemons"))("a primary and its standby", () => {
  let world: World;
  let standby: PostgresServer;
  let next: PostgresServer | undefined;
  beforeAll(async () => {
    // Published values outlive the longest outage, so that their age decides whether they are stale.
    world = await makeWorld({ hasStandby: true, environment: { STELLARINDEX_AGGREGATE_WINDOWS: "1m,5m" } });
    standby = world.standby as PostgresServer;
  });
  afterAll(async () => {
    await world?.end();
    await next?.remove();
  });

  it("with a frozen primary, buckets that the standby lacks are not published, until the primary is back", async () => {
    await world.decoder.pause();
    const faultEnd = await fault(async () => {
      world.postgres.freeze();
      await untilNothingIsComplete();
      world.postgres.thaw();
    });
    world.decoder.resume();
    await expectRecovered(world, faultEnd);
  });

  it("with a frozen primary and a promoted standby, the daemons stay on the new primary when the old one returns", async () => {
    await world.decoder.pause();
    await fault(async () => {
      world.postgres.freeze();
      await untilNothingIsComplete();
      await promote(standby);
    });
    world.decoder.resume();
    const { stored } = world.decoder;
    await vi.waitUntil(() => world.decoder.stored > stored, TIMEOUT);
    // The judge has also switched to the new primary before the old one answers again.
    await expectNothingWrong(world);
    world.postgres.thaw();
    for (const proxy of [world.databaseProxy, world.standbyProxy]) proxy?.cut();
    await expectRecovered(world, nowMicros());
  });

  it("the old primary becomes a standby of the new one and takes over when that is killed", async () => {
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

  /** Waits until the aggregator reads a standby and has seen some boundaries that are incomplete there. */
  async function untilNothingIsComplete(): Promise<void> {
    const [aggregator] = world.aggregators;
    const from = aggregator?.lines.length ?? 0;
    const refused = () =>
      (aggregator?.lines ?? []).slice(from).filter((line) => line.includes("may lack trades of the bucket"));
    await vi.waitUntil(() => refused().length >= 2, TIMEOUT);
    expectUp(world);
  }
});

async function promote({ url }: PostgresServer): Promise<void> {
  const { sql, close } = await openDatabase({ url, max_connections: 1 });
  await sql`SELECT pg_promote()`;
  await close();
}
