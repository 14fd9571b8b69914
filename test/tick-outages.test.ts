import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLOSING } from "../internal/aggregate/orchestrator/closing.testing.ts";
import { EVERYTHING, type Share } from "../internal/aggregate/orchestrator/replicas.ts";
import { targetsOf } from "../internal/aggregate/orchestrator/target.ts";
import { runTick, type TickContext } from "../internal/aggregate/orchestrator/tick.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../internal/aggregate/policy.ts";
import { unreachableDatabase } from "../internal/api/v1/api.testing.ts";
import { vwapKey } from "../internal/cache/keys.ts";
import { openStore, type PriceStore } from "../internal/cache/store.ts";
import { formatPair, type Pair, parsePair } from "../internal/canonical/pair.ts";
import { parseTime, seconds } from "../internal/canonical/time.ts";
import { stageDone, valuesWritten, type WriteEvent } from "../internal/obs/events.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/database.testing.ts";
import { trade } from "../internal/storage/trades.testing.ts";
import { writeTrades } from "../internal/storage/trades.ts";

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

  /** A tick for the boundary, the steps it took, and what it wrote. */
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
      closing: CLOSING,
      share: EVERYTHING,
      namedSources: new Set<string>(),
      now: () => to + seconds(6),
      stopwatch: () => 0,
      ...changes,
    };
    const event = await runTick(context, to, new AbortController().signal);
    for (const stop of stops) stop();
    return { event, stages, writes };
  }

  it("tells how many values it wrote, and how long after the bucket's end", async () => {
    const { event, stages, writes } = await tick({});
    expect(event).toMatchObject({ targets: 4, lost: 0, error: null, endedAt: TO + seconds(6) });
    // Read, class, venue, outlier, floor, guard and VWAP.
    expect(stages).toBe(4 * 7);
    expect(writes).toEqual([{ to: TO, written: 4, superseded: 0, errors: 0, seconds: 0, lagSeconds: 6 }]);
  });

  it("computes nothing while the store is away", async () => {
    const away = async () => Promise.reject(new Error("the store is away"));
    const { event, stages, writes } = await tick({ store: { ...store, ping: away } });
    expect(event).toMatchObject({ targets: 4, counts: { error: 4 }, error: new Error("the store is away") });
    expect([stages, writes]).toEqual([0, []]);
  });

  it("leaves its share to others where it can compute nothing, and to nobody where it can", async () => {
    let asides = 0;
    const share: Share = { ...EVERYTHING, stepAside: () => void asides++ };
    const gone = unreachableDatabase();
    await tick({ share, database: gone });
    await gone.close();
    expect(asides).toBe(1);
    await tick({ share }, parseTime("2999-01-01T00:00:00Z"));
    expect(asides).toBe(2);
    await tick({ share });
    expect(asides).toBe(2);
  });

  it("is over at once while the database is away", async () => {
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
      /^the bucket to 2999-01-01T00:00:00Z has not ended by the database's clock \(/,
    );
    expect([stages, writes]).toEqual([0, []]);
  });

  const isOne = (one: Pair) => (target: { pair: Pair }) => formatPair(target.pair) === formatPair(one);

  it("computes and writes its share alone", async () => {
    const share: Share = { ...EVERYTHING, claim: async (targets) => targets.filter(isOne(BTC)) };
    const to = TO + seconds(30);
    const { event } = await tick({ share }, to);
    expect(event).toMatchObject({ targets: 2, counts: { written: 2 } });
    const [xlm, btc] = await store.read([vwapKey(XLM, 300), vwapKey(BTC, 300)]);
    expect([xlm, btc].map((text) => JSON.parse(text ?? "{}").to)).toEqual([
      "2026-05-01T12:00:00Z",
      "2026-05-01T12:00:30Z",
    ]);
  });

  it("does not write what another has taken over meanwhile, nor anything where that cannot be found out", async () => {
    const overtaken: Share = { ...EVERYTHING, confirm: async (targets) => targets.filter(isOne(XLM)) };
    const to = TO + seconds(60);
    expect((await tick({ share: overtaken }, to)).event).toMatchObject({ targets: 4, lost: 2, counts: { written: 2 } });
    const unsure: Share = { ...EVERYTHING, confirm: () => Promise.reject(new Error("no answer")) };
    const { event, writes } = await tick({ share: unsure }, TO + seconds(90));
    expect(event).toMatchObject({ lost: 0, counts: { written: 0, error: 4 } });
    expect(writes).toEqual([]);
    const [xlm, btc] = await store.read([vwapKey(XLM, 300), vwapKey(BTC, 300)]);
    expect([xlm, btc].map((text) => JSON.parse(text ?? "{}").to)).toEqual([
      "2026-05-01T12:01:00Z",
      "2026-05-01T12:00:30Z",
    ]);
  });
});
