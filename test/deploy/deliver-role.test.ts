import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../../internal/cache/open-store.ts";
import { deleteTestKeys, testKeyPrefix, testRedisUrl } from "../../internal/cache/redis/store.testing.ts";
import { serializePublished } from "../../internal/canonical/published.ts";
import { formatTime, type Micros, parseTime, seconds } from "../../internal/canonical/time.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../../internal/storage/connection/database.testing.ts";
import { connect } from "../../internal/storage/connection/pool.ts";
import { cover } from "../../internal/storage/control/coverage.ts";
import { declareFeed } from "../../internal/storage/control/feeds.ts";
import { keepIncidents } from "../../internal/storage/control/incidents.ts";
import { databaseTime } from "../../internal/storage/control/schedules.ts";
import { declare, newDestination, newEvent, record } from "../../internal/storage/events/events.testing.ts";
import { ownEventId } from "../../internal/storage/events/own-events.ts";
import { startReceiver, type TestReceiver, takes } from "../deliver/receivers.ts";
import { type RunningProgram, startProgram } from "../program.ts";
import { hasPsql, type Roles, rolesOf } from "./roles.ts";

const engine = serverTestEngine;
const redis = await testRedisUrl();
const NAME = "crypto:XLM/fiat:USD";
const KEY = "vwap:crypto:XLM:fiat:USD:300";

describe.skipIf(!hasPsql || engine === null || redis === null)("deliver, as stellarindex_deliver", () => {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-deliver-role-"));
  const prefix = testKeyPrefix();
  let database: TestDatabase;
  let roles: Roles;
  let taker: TestReceiver;
  let goner: TestReceiver;
  let program: RunningProgram;

  beforeAll(async () => {
    if (engine === null || redis === null) return;
    database = await openTestDatabase(engine);
    roles = rolesOf(database.url);
    expect(await roles.give(roles.withDeliver)).toEqual({ err: "", status: 0 });
    taker = await startReceiver(takes);
    goner = await startReceiver((response) => {
      response.writeHead(410).end();
      return false;
    });
    await fill(redis);
    const config = join(directory, "stellarindex.toml");
    const common = 'type = "webhook"\nallow = ["127.0.0.0/8"]\nsecrets = [{ env = "HOOK_SECRET" }]';
    writeFileSync(
      config,
      `[redis]
key_prefix = "${prefix}"
[aggregate]
pairs = ["XLM/USD"]
windows = ["5m"]
[deliver]
ops_listen = "127.0.0.1:0"
archive = "${join(directory, "archive")}"
archive_after = "1h"
[[deliveries]]
name = "taker"
url = "${taker.url}"
ordering = "per_key"
rate = 100
burst = 10
${common}
[[deliveries]]
name = "goner"
url = "${goner.url}"
events = ["incident.*"]
${common}
`,
    );
    program = startProgram(["deliver", "--config", config], {
      STELLARINDEX_DATABASE_URL: roles.deliverUrl,
      STELLARINDEX_REDIS_URL: redis,
      HOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    });
    await program.line((line) => line.includes("deliver started"));
  });
  afterAll(async () => {
    await program?.stop("SIGKILL");
    await Promise.all([taker?.close(), goner?.close()]);
    await database?.drop();
    await roles?.drop();
    if (redis !== null) await deleteTestKeys(redis, prefix);
    rmSync(directory, { recursive: true, force: true });
  });

  /** Everything that the daemon tells of, an old event, and a job whose worker is lost. */
  async function fill(url: string): Promise<void> {
    const now = await databaseTime(database.sql);
    const to =
      parseTime("2020-01-01T00:00:00Z") + ((now - parseTime("2020-01-01T00:00:00Z")) / seconds(30)) * seconds(30);
    const store = openStore({ url, key_prefix: prefix });
    await store.put(KEY, valueAt(to), 300);
    await store.close();
    // Of the boundary between this and what is stored an event is computed from the trades, of which there are none.
    const told = { type: "price.published", pair: NAME, receivedAt: now };
    const before = to - seconds(60);
    await record(database, "default", [
      newEvent({ ...told, id: ownEventId(KEY, formatTime(before)), body: valueAt(before) }),
      newEvent({ sender: "shop", id: "old" }),
    ]);
    await database.sql`UPDATE events.events SET recorded_at = now() - interval '1 day' WHERE id = 'old'`;
    const facts = { firstJob: null, lastJob: null, count: 1, message: "m", cluster: null };
    await keepIncidents(database.sql, "default", [{ code: "gap", key: "f", ...facts }], now);
    const feed = { feed: "f", source: "kraken", host: "", kind: "k", payload: { pair: NAME }, chunkSeconds: 60 };
    await declareFeed(database.sql, "default", { ...feed, startAt: to - seconds(7200) });
    await cover(database.sql, "default", "f", [{ from: to - seconds(3600), to: to - seconds(1800) }]);
    await declare(database, "default", [newDestination({ destination: "lost" })]);
    await record(database, "default", [newEvent({ sender: "shop", id: "lost" })]);
    await database.sql`
      UPDATE control.jobs SET state = 'leased', attempt = 1, worker = 'w', lease_token = nextval('control.lease_tokens'),
        leased_until = now() - interval '1 second', ready_order = NULL`;
  }

  function valueAt(to: Micros): string {
    return serializePublished({
      ...{ pair: NAME, window_seconds: 300, from: formatTime(to - seconds(300)), to: formatTime(to), price: "0.4" },
      ...{ base_volume: "1000", quote_volume: "400", usd_volume: "400", trade_count: 1, sources: [] },
      ...{ dropped: { class: 0, outlier: 0 }, policy: "9f2c1ab04d7e" },
    });
  }

  it("records what it sees, delivers it, pauses who is gone, archives, and returns lost jobs", async () => {
    const types = async () =>
      (await database.sql<{ type: string }[]>`SELECT DISTINCT type FROM events.events ORDER BY type`).map(
        ({ type }) => type,
      );
    await expect
      .poll(types, { timeout: 30_000 })
      .toEqual(["coverage.gap", "event.posted", "incident.opened", "price.published", "price.withheld"]);
    const received = () => new Set(taker.got.map(({ body }) => body["type"]));
    await expect
      .poll(() => [...received()].sort(), { timeout: 30_000 })
      .toEqual(["coverage.gap", "incident.opened", "price.published", "price.withheld"]);
    await record(database, "default", [newEvent({ sender: "shop", id: "posted" })]);
    await expect.poll(() => received().has("event.posted"), { timeout: 30_000 }).toBe(true);

    await expect
      .poll(() => database.sql`SELECT name FROM control.pauses`, { timeout: 30_000 })
      .toMatchObject([{ name: "goner" }]);
    expect(await database.sql`SELECT actor, action FROM control.audit_log`).toMatchObject([
      { actor: "deliver", action: "source.pause" },
    ]);
    await expect
      .poll(() => database.sql`SELECT body, archived_as FROM events.events WHERE id = 'old'`, { timeout: 30_000 })
      .toMatchObject([{ body: null, archived_as: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
    expect(readdirSync(join(directory, "archive"))).toHaveLength(1);
    const lost = () => database.sql`
      SELECT FROM control.job_history WHERE reason = 'worker_lost' AND from_state = 'leased' AND to_state = 'ready'`;
    await expect.poll(async () => (await lost()).length, { timeout: 30_000 }).toBe(1);
    expect(program.lines.filter((line) => line.includes("permission denied"))).toEqual([]);
    expect(await program.stop()).toBe(0);
  });

  it("may change nothing else", async () => {
    const sql = connect(roles.deliverUrl, { max: 1 });
    try {
      for (const refused of [
        sql`INSERT INTO trades SELECT`,
        sql`DELETE FROM events.events`,
        sql`UPDATE events.events SET type = 'x.y'`,
        sql`DELETE FROM control.jobs`,
        sql`UPDATE control.job_history SET reason = ''`,
        sql`SELECT FROM control.audit_log`,
        sql`DELETE FROM control.pauses`,
        sql`UPDATE control.tenants SET max_per_day = NULL`,
        sql`SELECT FROM ingest.quarantine`,
        sql`CREATE TABLE public.more ()`,
      ]) {
        await expect(refused).rejects.toMatchObject({ code: "42501" });
      }
    } finally {
      await sql.end();
    }
  });
});
