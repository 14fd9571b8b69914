import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALL_TARGETS, type Assignment } from "../internal/aggregator/assignment.ts";
import { stageDone, valuesWritten, type WriteEvent } from "../internal/aggregator/events.ts";
import { NO_REPLAY_WAIT } from "../internal/aggregator/replay-wait.testing.ts";
import { targetsOf } from "../internal/aggregator/target.ts";
import { runTick, type TickContext } from "../internal/aggregator/tick.ts";
import { unreachableDatabase } from "../internal/api/v1/api.testing.ts";
import { vwapKey } from "../internal/cache/keys.ts";
import { openStore } from "../internal/cache/open-store.ts";
import type { PriceStore } from "../internal/cache/store.ts";
import { formatPair, type Pair, parsePair } from "../internal/canonical/pair.ts";
import { parseTime, seconds } from "../internal/canonical/time.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../internal/policy/policy.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/connection/database.testing.ts";
import { trade } from "../internal/storage/trades/trades.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";

const TO = parseTime("2026-05-01T12:00:00Z");
const [XLM, BTC] = [parsePair("XLM/USD"), parsePair("BTC/USD")];

describe.each(testEngines.slice(-1))("a tick on $name", (engine) => {
  let database: TestDatabase;
  let store: PriceStore;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    await writeTrades(database, [
      trade(XLM, TO - seconds(100), { base: "20000", quote: "10000" }),
      trade(BTC, TO - seconds(100), { base: "1", quote: "50000" }),
    ]);
    store = openStore({ url: "memory:", key_prefix: "" }, { now: () => TO + seconds(5) });
  });
  afterAll(async () => {
    await store?.close();
    await database?.drop();
  });

  /** Runs a tick for the boundary; returns its steps and its writes. */
  async function tick(changes: Partial<TickContext>, to = TO) {
    let stages = 0;
    const writes: WriteEvent[] = [];
    const stops = [stageDone.subscribe(() => stages++), valuesWritten.subscribe((event) => writes.push(event))];
    const context: TickContext = {
      database,
      store,
      policy: makePolicy(DEFAULT_POLICY_SETTINGS),
      targets: targetsOf([XLM, BTC], [300, 3600]),
      concurrency: 2,
      maxTrades: 100,
      precomputeTwap: false,
      replayWait: NO_REPLAY_WAIT,
      assignment: ALL_TARGETS,
      namedSources: new Set<string>(),
      now: () => to + seconds(6),
      stopwatch: () => 0,
      ...changes,
    };
    const event = await runTick(context, to, new AbortController().signal);
    for (const stop of stops) stop();
    return { event, stages, writes };
  }

  it("reports the number of written values, and their delay after the bucket's end", async () => {
    const { event, stages, writes } = await tick({});
    expect(event).toMatchObject({ targets: 4, lost: 0, error: null, endedAt: TO + seconds(6) });
    // The stages are read, class, venue, outlier, floor, guard and VWAP.
    expect(stages).toBe(4 * 7);
    expect(writes).toEqual([{ to: TO, written: 4, superseded: 0, errors: 0, seconds: 0, lagSeconds: 6 }]);
  });

  it("computes nothing while the store is down", async () => {
    const away = async () => Promise.reject(new Error("the store is away"));
    const { event, stages, writes } = await tick({ store: { ...store, ping: away } });
    expect(event).toMatchObject({ targets: 4, counts: { error: 4 }, error: new Error("the store is away") });
    expect([stages, writes]).toEqual([0, []]);
  });

  it("yields its share to other members only if it cannot compute", async () => {
    let asides = 0;
    const assignment: Assignment = { ...ALL_TARGETS, release: () => void asides++ };
    const gone = unreachableDatabase();
    await tick({ assignment, database: gone });
    await gone.close();
    expect(asides).toBe(1);
    await tick({ assignment }, parseTime("2999-01-01T00:00:00Z"));
    expect(asides).toBe(2);
    await tick({ assignment });
    expect(asides).toBe(2);
  });

  it("ends immediately while the database is down", async () => {
    const gone = unreachableDatabase();
    const { event, writes } = await tick({ database: gone });
    expect(event).toMatchObject({ targets: 4, counts: { error: 4 }, error: { code: "ECONNREFUSED" } });
    expect(writes).toEqual([]);
    await gone.close();
  });

  it("publishes no bucket that has not ended by the database's clock", async () => {
    const ahead = parseTime("2999-01-01T00:00:00Z");
    const { event, stages, writes } = await tick({}, ahead);
    expect(event).toMatchObject({ targets: 4, counts: { error: 4 } });
    expect(event.error?.message).toMatch(
      /^the bucket that ends at 2999-01-01T00:00:00Z has not ended by the database's clock \(/,
    );
    expect([stages, writes]).toEqual([0, []]);
  });

  const isOne = (one: Pair) => (target: { pair: Pair }) => formatPair(target.pair) === formatPair(one);

  it("computes and writes only its share", async () => {
    const assignment: Assignment = { ...ALL_TARGETS, claim: async (targets) => targets.filter(isOne(BTC)) };
    const to = TO + seconds(30);
    const { event } = await tick({ assignment }, to);
    expect(event).toMatchObject({ targets: 2, counts: { written: 2 } });
    const [xlm, btc] = await store.read([vwapKey(XLM, 300), vwapKey(BTC, 300)]);
    expect([xlm, btc].map((text) => JSON.parse(text ?? "{}").to)).toEqual([
      "2026-05-01T12:00:00Z",
      "2026-05-01T12:00:30Z",
    ]);
  });

  it("does not write targets that another member has taken over, nor any if that cannot be confirmed", async () => {
    const overtaken: Assignment = { ...ALL_TARGETS, confirm: async (targets) => targets.filter(isOne(XLM)) };
    const to = TO + seconds(60);
    expect((await tick({ assignment: overtaken }, to)).event).toMatchObject({
      targets: 4,
      lost: 2,
      counts: { written: 2 },
    });
    const unconfirmed: Assignment = { ...ALL_TARGETS, confirm: () => Promise.reject(new Error("no answer")) };
    const { event, writes } = await tick({ assignment: unconfirmed }, TO + seconds(90));
    expect(event).toMatchObject({ lost: 0, counts: { written: 0, error: 4 } });
    expect(writes).toEqual([]);
    const [xlm, btc] = await store.read([vwapKey(XLM, 300), vwapKey(BTC, 300)]);
    expect([xlm, btc].map((text) => JSON.parse(text ?? "{}").to)).toEqual([
      "2026-05-01T12:01:00Z",
      "2026-05-01T12:00:30Z",
    ]);
  });
});
