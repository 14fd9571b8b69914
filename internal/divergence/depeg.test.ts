import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CLOSING } from "../aggregate/orchestrator/closing.testing.ts";
import { EVERYTHING } from "../aggregate/orchestrator/replicas.ts";
import { runTick } from "../aggregate/orchestrator/tick.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../aggregate/policy.ts";
import { formatPair, parsePair } from "../canonical/pair.ts";
import { seconds } from "../canonical/time.ts";
import { openTestDatabase, serverTestEngine, type TestDatabase, testEngines } from "../storage/database.testing.ts";
import { trade } from "../storage/trades.testing.ts";
import { writeTrades } from "../storage/trades.ts";
import { NEVER } from "./local-server.testing.ts";
import {
  NOW,
  openWorld,
  quote,
  serveChainlink,
  serveCoingecko,
  WINDOW_SECONDS,
  type World,
} from "./service.testing.ts";
import { storedSources } from "./stored-sources.ts";

const XLM = parsePair("XLM/USD");
const XLM_USDT = parsePair("XLM/USDT");
const BTC = parsePair("BTC/USD");
const PAIRS = [XLM, BTC];

// USDT stands at 0.90 USD. XLM is worth 0.36 USD and trades for 0.40 USDT, which the policy takes for as many USD.
describe("a stablecoin that lost its peg, and counts as its currency", () => {
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
      // An oracle that looks at the same markets.
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
        closing: CLOSING,
        share: EVERYTHING,
        namedSources: new Set(),
        now: () => NOW,
        stopwatch: () => 0,
      },
      NOW,
      NEVER,
    );
    expect(counts.written).toBe(2);
    const [text] = await world.store.read(["vwap:crypto:XLM:fiat:USD:300"]);
    // Three venues agree, and nothing inside can tell that they are wrong.
    expect(JSON.parse(text ?? "")).toMatchObject({ price: "0.4", trade_count: 3, dropped: { outlier: 0 } });
  });

  it("is seen by references, and a price beside it that is right gets no warning", async () => {
    const given = new Map([
      [XLM, quote("0.36")],
      [BTC, quote("70100")],
    ]);
    const coingecko = await serveCoingecko(PAIRS, given);
    const chainlink = await serveChainlink(PAIRS, given);
    await world.check({
      pairs: PAIRS,
      references: [coingecko.reference, chainlink.reference],
      storedQuotes: storedSources(database, policy),
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

  it("is seen by what oracles report to the database, but not by one that reports the price in the stablecoin", async () => {
    const storedQuotes = storedSources(database, policy);
    expect(await world.check({ pairs: PAIRS, storedQuotes, minReferences: 1 })).toMatchObject({
      checked: true,
      deviation_pct: "-9.75",
      warning: true,
      references: [{ reference: "redstone" }],
    });
  });

  it("is not seen without references: the price is wrong, and nothing says so", async () => {
    expect(await world.check({ pairs: PAIRS })).toBe(null);
    expect(world.events).toEqual([]);
  });
});
