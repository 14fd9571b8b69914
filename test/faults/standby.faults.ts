import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ALL_TARGETS } from "../../internal/aggregator/assignment.ts";
import { NO_REPLAY_WAIT } from "../../internal/aggregator/replay-wait.testing.ts";
import { targetsOf } from "../../internal/aggregator/target.ts";
import { runTick } from "../../internal/aggregator/tick.ts";
import { openTestApi, type TestApi } from "../../internal/api/v1/api.testing.ts";
import { vwapKey } from "../../internal/cache/keys.ts";
import { openStore } from "../../internal/cache/open-store.ts";
import { latestClosed } from "../../internal/canonical/bucket.ts";
import { parsePair } from "../../internal/canonical/pair.ts";
import { floorTo, formatTime, type Micros, parseTime, seconds } from "../../internal/canonical/time.ts";
import { databaseCheck } from "../../internal/daemon/health.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../../internal/policy/policy.ts";
import { type Database, pingDatabase } from "../../internal/storage/connection/database.ts";
import { ReplayBehind } from "../../internal/storage/connection/errors.ts";
import { requireWritable } from "../../internal/storage/connection/writable.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { migrateUp } from "../../internal/storage/schema/migrate.ts";
import { insertTrades, trade } from "../../internal/storage/trades/trades.testing.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "./postgres-server.ts";

const XLM = parsePair("XLM/USD");
const READER = "reader_without_rights";
const SETTINGS = {
  pairs: [XLM],
  windows: [10, 60],
  intervalSeconds: 2,
  bucketSeconds: 1,
  settleSeconds: 1,
  vwapWindowSeconds: 10,
  twapWindowSeconds: 10,
};
/** The standby requests a status after two seconds, so that the primary is not considered idle for long. */
const PROMPT = "4s";
const SECOND = seconds(1);
const clock = (): Micros => BigInt(Date.now()) * 1000n;

describe.skipIf(!canStartPostgres("standbys"))("a standby", () => {
  let primaryServer: PostgresServer;
  let standbyServer: PostgresServer;
  /** The proxy between the primary and the standby. */
  let proxy: FaultProxy;
  let primary: Database;
  let standby: Database;
  let overPrimary: TestApi;
  let overStandby: TestApi;
  let traded = 0;

  const open = (url: string) => openDatabase({ url, max_connections: 4 });
  const serverUrl = (server: PostgresServer, user: string) => server.url.replace("postgres@", `${user}@`);

  beforeAll(async () => {
    primaryServer = await makePostgresServer();
    await primaryServer.start();
    proxy = await startFaultProxy(primaryServer.port);
    primary = await open(primaryServer.url);
    await migrateUp(primary, {
      timescaledb: "off",
      retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
      log: () => {},
    });
    await primary.sql.unsafe(`CREATE ROLE ${READER} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${READER}`);
    standbyServer = await makePostgresServer({
      ...primaryServer,
      url: primaryServer.url.replace(String(primaryServer.port), String(proxy.port)),
    });
    await standbyServer.start();
    standby = await open(standbyServer.url);
    await setReceiverTimeout(PROMPT);
    overPrimary = openTestApi({ database: primary, settings: SETTINGS });
    overStandby = openTestApi({ database: standby, settings: SETTINGS });
  });

  afterEach(async () => {
    await standby.sql`SELECT pg_wal_replay_resume() WHERE pg_is_in_recovery()`;
  });

  afterAll(async () => {
    await Promise.all([primary?.close(), standby?.close()]);
    await proxy?.close();
    await Promise.all([standbyServer?.remove(), primaryServer?.remove()]);
  });

  async function setReceiverTimeout(timeout: string): Promise<void> {
    await standby.sql.unsafe(`ALTER SYSTEM SET wal_receiver_timeout = '${timeout}'`);
    await standby.sql`SELECT pg_reload_conf()`;
  }

  /** Writes a current trade to the primary. */
  async function makeTrade(): Promise<Micros> {
    traded++;
    const ts = clock();
    await insertTrades(primary.sql, [
      trade(XLM, ts, { tradeId: `t${traded}`, base: "100000", quote: String(100_000 + traded) }),
    ]);
    return ts;
  }

  /**
   * A bucket with a trade, and a trade after its settle time. The second one proves to the standby that the bucket is
   * complete, so that the queried window holds a closed bucket however old the other trades are.
   */
  async function makeCompleteBucket(): Promise<void> {
    const end = floorTo(await makeTrade(), SECOND) + SECOND;
    await expect.poll(clock, { timeout: 5_000 }).toBeGreaterThan(end + seconds(SETTINGS.settleSeconds));
    await makeTrade();
    await untilCaughtUp();
  }

  async function get(api: TestApi, path: string) {
    api.at(clock());
    return api.get(path);
  }

  const past = (name: string, to: string) => `/v1/${name}?pair=XLM/USD&window=60s&at=${to}`;

  const untilClosed = (to: Micros) => expect.poll(clock, { timeout: 90_000 }).toBeGreaterThan(to + 2n * SECOND);

  async function untilCaughtUp(): Promise<void> {
    const [row] = await primary.sql<{ lsn: string }[]>`SELECT pg_current_wal_lsn()::text AS lsn`;
    const replayed = async () => {
      const [at] = await standby.sql<{ is_past: boolean | null }[]>`
        SELECT pg_last_wal_replay_lsn() >= ${row?.lsn ?? ""}::pg_lsn AS is_past`;
      return at?.is_past;
    };
    await expect.poll(replayed, { timeout: 20_000 }).toBe(true);
  }

  /** Requests every endpoint for the present and for a time; all answers must be complete or refusals. */
  async function expectHonest(at: Micros): Promise<void> {
    const moment = formatTime(at);
    for (const name of ["vwap", "twap"]) {
      const { status, body, headers } = await get(overStandby, past(name, moment));
      expect(status, body.detail).toBe(200);
      expect(parseTime(body.data.to)).toBeLessThan(at);
      expect(body.flags.stale).toBe(true);
      expect(headers.get("Cache-Control")).toBe("public, max-age=0");
      // Its answers equal the primary's for the same bucket.
      expect(body.data).toEqual((await get(overPrimary, past(name, body.data.to))).body.data);
    }
    const range = `/v1/vwap?pair=XLM/USD&from=${formatTime(at - seconds(60))}&to=${moment}`;
    expect((await get(overPrimary, range)).status).toBe(200);
    const refused = await get(overStandby, range);
    expect(refused).toMatchObject({ status: 400, body: { type: expect.stringContaining("bucket-not-closed") } });
    expect(refused.headers.get("Retry-After")).toBe("5");
    expect(refused.body.detail).toContain("standby");
    const now = await get(overStandby, "/v1/price?pair=XLM/USD");
    expect(now.body.flags.stale).toBe(true);
    expect(parseTime(now.body.data.as_of)).toBeLessThan(at);
  }

  async function expectTicksNothing(to: Micros): Promise<void> {
    const store = openStore({ url: "memory:", key_prefix: "" });
    const context = {
      database: standby,
      store,
      policy: makePolicy({ ...DEFAULT_POLICY_SETTINGS, min_usd_volume: 0 }),
      targets: targetsOf([XLM], [60]),
      concurrency: 2,
      maxTrades: 100,
      precomputeTwap: false,
      replayWait: { ...NO_REPLAY_WAIT, settleSeconds: 1 },
      assignment: ALL_TARGETS,
      namedSources: new Set<string>(),
      now: clock,
      stopwatch: () => 0,
    };
    const tick = () => runTick(context, to, new AbortController().signal);
    const { error, counts } = await tick();
    expect(error).toBeInstanceOf(ReplayBehind);
    expect(counts).toMatchObject({ written: 0, error: 1 });
    expect(await store.read([vwapKey(XLM, 60)])).toEqual([null]);
  }

  it("refuses trades, and an import fails before it starts, with the name of the primary", async () => {
    await expect(requireWritable(standby.sql)).rejects.toThrow(
      /the server of \[database\] url is a standby, which is read only; set .*stellarindex_owner.* on the primary/,
    );
    await requireWritable(primary.sql);
  });

  it("answers like the primary while it keeps up, and is not stale while the primary is idle", async () => {
    const ts = await makeTrade();
    await untilCaughtUp();
    const to = floorTo(ts, SECOND) + SECOND;
    const answered = async () => (await get(overStandby, past("vwap", formatTime(to)))).body;
    await expect.poll(async () => (await answered()).data.to, { timeout: 20_000 }).toBe(formatTime(to));
    expect(await answered()).toEqual((await get(overPrimary, past("vwap", formatTime(to)))).body);
    // Nothing is written, and complete buckets are still answered.
    const latest = async () => (await get(overStandby, "/v1/vwap?pair=XLM/USD&window=60s")).body;
    await expect
      .poll(async () => parseTime((await latest()).data.to), { timeout: 20_000 })
      .toBeGreaterThan(to + seconds(5));
    expect((await latest()).flags.stale).toBe(false);
    expect(await databaseCheck(standby, () => 1)()).toBe(null);
  });

  it("whose replay is paused answers for complete buckets, flagged as stale", async () => {
    await makeCompleteBucket();
    await standby.sql`SELECT pg_wal_replay_pause()`;
    const at = floorTo(await makeTrade(), SECOND) + SECOND;
    await untilClosed(at);
    await expectHonest(at);
    await expectTicksNothing(latestClosed(clock(), 2, 1));
    expect(await databaseCheck(standby, () => 1)()).toEqual({
      degraded: expect.stringMatching(/^a standby, \d+\.\d s/),
    });

    await standby.sql`SELECT pg_wal_replay_resume()`;
    const answered = async () => (await get(overStandby, past("vwap", formatTime(at)))).body;
    await expect.poll(async () => (await answered()).flags.stale, { timeout: 20_000 }).toBe(false);
    expect(await answered()).toEqual((await get(overPrimary, past("vwap", formatTime(at)))).body);
  });

  it("shows no candle and no market of a minute that lacks its last trades", async () => {
    await standby.sql`SELECT pg_wal_replay_pause()`;
    const ts = await makeTrade();
    const minute = floorTo(ts, seconds(60));
    const candles = `/v1/ohlc?pair=XLM/USD&interval=1m&from=${formatTime(minute)}`;
    await untilClosed(minute + seconds(60));
    const whole = await get(overPrimary, candles);
    expect(whole.body.data.candles).toHaveLength(1);
    expect((await get(overStandby, candles)).body).toMatchObject({ data: { candles: [] }, flags: { stale: true } });
    const markets = (await get(overStandby, "/v1/markets")).body;
    expect(markets.flags.stale).toBe(true);
    expect(parseTime(markets.data.to)).toBeLessThanOrEqual(minute);
    await standby.sql`SELECT pg_wal_replay_resume()`;
    await expect
      .poll(async () => (await get(overStandby, candles)).body.data, { timeout: 20_000 })
      .toEqual(whole.body.data);
  }, 100_000);

  it("that was cut off without noticing answers for no bucket after that", async () => {
    await setReceiverTimeout("10min");
    onTestFinished(async () => {
      proxy.restore();
      proxy.cut();
      await setReceiverTimeout(PROMPT);
    });
    await makeCompleteBucket();
    proxy.blackhole();
    const at = floorTo(await makeTrade(), SECOND) + SECOND;
    await untilClosed(at);
    const [receiver] = await standby.sql`
      SELECT status, pg_last_wal_replay_lsn() = pg_last_wal_receive_lsn() AS is_replayed FROM pg_stat_wal_receiver`;
    expect(receiver).toEqual({ status: "streaming", is_replayed: true });
    const { status, body } = await get(overStandby, past("vwap", formatTime(at)));
    expect(status, body.detail).toBe(200);
    expect(parseTime(body.data.to)).toBeLessThan(at);
    expect(body.data).toEqual((await get(overPrimary, past("vwap", body.data.to))).body.data);
    await expectTicksNothing(latestClosed(clock(), 2, 1));
  });

  it("is judged by its last commit if the role may not see its receiver, also after a start without one", async () => {
    const ts = await makeTrade();
    await untilCaughtUp();
    const reader = await open(serverUrl(standbyServer, READER));
    const { position } = await pingDatabase(reader);
    expect(position).toMatchObject({ isCaughtUp: false });
    expect(position?.completeTo).toBeGreaterThan(ts - SECOND);
    await reader.close();
    await primary.sql`CHECKPOINT`;
    await standbyServer.stop("fast");
    await standbyServer.start();
    const again = await open(serverUrl(standbyServer, READER));
    expect((await pingDatabase(again)).position?.completeTo).toBeGreaterThan(parseTime("2020-01-01T00:00:00Z"));
    await again.close();
  });

  it("that is promoted is treated as the primary", async () => {
    const ts = await makeTrade();
    await untilCaughtUp();
    await standby.sql`SELECT pg_promote()`;
    expect((await pingDatabase(standby)).position).toBe(null);
    const at = floorTo(ts, SECOND) + SECOND;
    await untilClosed(at);
    const { body } = await get(overStandby, past("vwap", formatTime(at)));
    expect(body).toMatchObject({ data: { to: formatTime(at) }, flags: { stale: false } });
  });
});
