import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import {
  migrateTestDatabase,
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../../internal/storage/connection/database.testing.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "../faults/postgres-server.ts";
import { type RunningProgram, startProgram } from "../program.ts";
import { startKraken } from "../venues/kraken.ts";
import type { StandIn } from "../venues/server.ts";
import { began, type Collecting, collecting, connected, PATIENCE, started } from "./harness.ts";

const MARKET = "XLM/USD";
const FEED = "kraken:XLM-USD";
const LEASE_SECONDS = 5;

/** Collects a stand-in by workers that are processes of their own. */
async function workers(where?: TestDatabase) {
  const venue = await started(startKraken);
  const all = await collecting([venue], [{ source: "kraken", pair: MARKET, start: began() }], where);
  const work = async (name: string): Promise<RunningProgram> => {
    const url = new URL(all.database.url);
    url.searchParams.set("application_name", name);
    const args = ["worker", "--name", name, "--lease", `${LEASE_SECONDS}s`];
    const kinds = ["--kinds", "collect.live", "collect.history"];
    const program = startProgram([...args, ...kinds], { ...all.environment, STELLARINDEX_DATABASE_URL: url.href });
    onTestFinished(async () => {
      program.process.kill("SIGCONT");
      await program.stop("SIGKILL");
    });
    await program.line((line) => line.includes("worker started"));
    return program;
  };
  return { ...all, venue, work };
}

/** Everything that happened at the stand-in is stored once, and covered without a gap. */
async function isComplete(
  { complete, stored }: Pick<Collecting, "complete" | "stored">,
  venue: StandIn,
): Promise<void> {
  const ids = venue.markets.all().map(({ number }) => String(number));
  await complete(venue, FEED, ids.length);
  expect((await stored("kraken")).map(({ id }) => id).sort()).toEqual(ids.sort());
}

/** Lets a trade happen that is not told live, and waits until the venue's clock has covered its time all the same. */
async function covertTrade({ coveredTo }: Pick<Collecting, "coveredTo">, venue: StandIn): Promise<void> {
  venue.markets.faults.hole = true;
  venue.trade(MARKET);
  venue.markets.faults.hole = false;
  const { ts = 0n } = venue.markets.of(MARKET).at(-1) ?? {};
  await vi.waitUntil(async () => ((await coveredTo(FEED)) ?? 0n) > ts, PATIENCE);
}

describe.skipIf(serverTestEngine === null)("a worker that collects", () => {
  it("is killed: another one takes over, and fetches what happened, also what the clock alone had covered", async () => {
    const all = await workers(await openTestDatabase(serverTestEngine as NonNullable<typeof serverTestEngine>));
    const { venue, work } = all;
    const first = await work("first");
    await connected(venue);
    venue.trade(MARKET, 3);
    await isComplete(all, venue);
    await covertTrade(all, venue);
    await first.stop("SIGKILL");
    // More than the venue repeats to whoever subscribes.
    venue.trade(MARKET, 60);
    await work("second");
    await connected(venue);
    venue.trade(MARKET, 2);
    await isComplete(all, venue);
  }, 120_000);

  it("is frozen for longer than its lease: once it goes on, it leaves coverage to the one that took over", async () => {
    const all = await workers(await openTestDatabase(serverTestEngine as NonNullable<typeof serverTestEngine>));
    const { venue, work, database } = all;
    await database.sql.unsafe(`
      CREATE TABLE public.coverage_writes (worker text);
      CREATE FUNCTION public.note_write() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO public.coverage_writes VALUES (current_setting('application_name')); RETURN NULL; END $$;
      CREATE TRIGGER note_write AFTER INSERT OR DELETE ON control.coverage
        FOR EACH STATEMENT EXECUTE FUNCTION public.note_write()`);
    const writesOf = async (worker: string): Promise<number> =>
      (await database.sql`SELECT FROM public.coverage_writes WHERE worker = ${worker}`).length;
    const first = await work("first");
    await connected(venue);
    venue.trade(MARKET, 3);
    await isComplete(all, venue);
    first.process.kill("SIGSTOP");
    venue.trade(MARKET, 3);
    await work("second");
    await connected(venue, 2);
    venue.trade(MARKET, 2);
    await isComplete(all, venue);
    const before = await writesOf("first");
    expect([before > 0, (await writesOf("second")) > 0]).toEqual([true, true]);

    first.process.kill("SIGCONT");
    await first.line((line) => line.includes('"outcome":"lease_lost"'));
    await vi.waitUntil(() => venue.connections() === 1, PATIENCE);
    expect(await writesOf("first")).toBe(before);
    venue.trade(MARKET, 2);
    await isComplete(all, venue);
  }, 120_000);
});

const canStart = canStartPostgres("workers that collect while their database is stopped");
describe.skipIf(!canStart)("a database that is stopped for longer than a lease", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await makePostgresServer();
    await server.start();
  });
  afterAll(() => server?.remove());

  it("is waited for: nothing is lost", async () => {
    const database = await openDatabase({ url: server.url, max_connections: 4 });
    await migrateTestDatabase(database, { timescaledb: "off" });
    const all = await workers({ ...database, url: server.url, drop: database.close });
    const { venue, work } = all;
    const worker = await work("only");
    await connected(venue);
    venue.trade(MARKET, 3);
    await isComplete(all, venue);
    for (const [how, seconds] of [
      ["fast", 2],
      ["immediate", LEASE_SECONDS + 1],
    ] as const) {
      await server.stop(how);
      for (let second = 0; second < seconds; second++) {
        venue.trade(MARKET, 2);
        await sleep(1000);
      }
      await server.start();
      venue.trade(MARKET, 2);
      await isComplete(all, venue);
    }
    expect(worker.process.exitCode).toBeNull();
  }, 120_000);
});
