import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ALL_TARGETS } from "../aggregator/assignment.ts";
import { NO_REPLAY_WAIT } from "../aggregator/replay-wait.testing.ts";
import { runTick } from "../aggregator/tick.ts";
import { formatPair, parsePair } from "../canonical/pair.ts";
import { seconds } from "../canonical/time.ts";
import { NEVER } from "../http/local-server.testing.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../policy/policy.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
  testEngines,
} from "../storage/connection/database.testing.ts";
import { readerOfStoredQuotes } from "../storage/trades/stored-quotes.ts";
import { trade } from "../storage/trades/trades.testing.ts";
import { writeTrades } from "../storage/trades/trades.ts";
import {
  NOW,
  openWorld,
  quote,
  serveChainlink,
  serveCoingecko,
  WINDOW_SECONDS,
  type World,
} from "./service.testing.ts";

const XLM = parsePair("XLM/USD");
const XLM_USDT = parsePair("XLM/USDT");
const BTC = parsePair("BTC/USD");
const PAIRS = [XLM, BTC];

// USDT is worth 0.90 USD. XLM is worth 0.36 USD and trades for 0.40 USDT, which the policy counts as 0.40 USD.
describe("a stablecoin that has lost its peg but counts as its currency", () => {
  const policy = makePolicy({ ...DEFAULT_POLICY_SETTINGS, enable_stablecoin_fiat_proxy: true });
  let database: TestDatabase;
  let world: World;

  beforeAll(async () => {
    const engine = serverTestEngine ?? testEngines[0];
    if (engine === undefined) throw new Error("there is no engine to test on");
    database = await openTestDatabase(engine);
    const at = NOW - seconds(60);
    await writeTrades(database, [
      ...["binance", "kraken", "bitstamp"].map((source) =>
        trade(XLM_USDT, at, { source, base: "100000", quote: "40000" }),
      ),
      trade(BTC, at, { source: "coinbase", base: "1", quote: "70000" }),
      // An oracle that reads the same markets.
      trade(XLM_USDT, NOW - seconds(10), { source: "reflector-cex", quote: "0.4" }),
      trade(XLM, NOW - seconds(20), { source: "redstone", quote: "0.361" }),
    ]);
  });
  afterAll(() => database?.drop());

  /** Publishes as the aggregator does. */
  beforeEach(async () => {
    world = openWorld();
    const { counts } = await runTick(
      {
        database,
        store: world.store,
        policy,
        targets: PAIRS.map((pair) => ({ pair, windowSeconds: WINDOW_SECONDS })),
        concurrency: 1,
        maxTrades: 100,
        precomputeTwap: false,
        replayWait: NO_REPLAY_WAIT,
        assignment: ALL_TARGETS,
        namedSources: new Set(),
        now: () => NOW,
        stopwatch: () => 0,
      },
      NOW,
      NEVER,
    );
    expect(counts.written).toBe(2);
    const [text] = await world.store.read(["vwap:crypto:XLM:fiat:USD:300"]);
    // Three venues agree, so that no rule of the policy can detect that they are wrong.
    expect(JSON.parse(text ?? "")).toMatchObject({ price: "0.4", trade_count: 3, dropped: { outlier: 0 } });
  });

  it("is detected by references, and a correct price gets no warning", async () => {
    const given = new Map([
      [XLM, quote("0.36")],
      [BTC, quote("70100")],
    ]);
    const coingecko = await serveCoingecko(PAIRS, given);
    const chainlink = await serveChainlink(PAIRS, given);
    await world.check({
      pairs: PAIRS,
      references: [coingecko.reference, chainlink.reference],
      storedQuotes: readerOfStoredQuotes(database, policy),
    });
    expect(world.outcomes()).toEqual(PAIRS.map((pair) => `${formatPair(pair)} ok`));
    expect(await world.kept(XLM)).toMatchObject({
      price: "0.4",
      median: "0.36",
      deviation_pct: "-10",
      warning: true,
      references: [
        { reference: "chainlink", price: "0.36" },
        { reference: "coingecko", price: "0.36" },
        { reference: "redstone", price: "0.361" },
      ],
    });
    expect(await world.kept(BTC)).toMatchObject({ price: "70000", checked: true, warning: false });
  });

  it("is detected by oracles in the database, but not by one that reports prices in the stablecoin", async () => {
    const storedQuotes = readerOfStoredQuotes(database, policy);
    expect(await world.check({ pairs: PAIRS, storedQuotes, minReferences: 1 })).toMatchObject({
      checked: true,
      deviation_pct: "-9.75",
      warning: true,
      references: [{ reference: "redstone" }],
    });
  });

  it("is not detected without references: the price is wrong without a warning", async () => {
    expect(await world.check({ pairs: PAIRS })).toBe(null);
    expect(world.events).toEqual([]);
  });
});
