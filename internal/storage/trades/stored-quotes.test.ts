import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatPair, makePair, type Pair, parsePair } from "../../canonical/pair.ts";
import { type Micros, seconds } from "../../canonical/time.ts";
import { NOW, openWorld, quote, serveChainlink, serveCoingecko } from "../../divergence/service.testing.ts";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type PolicySettings } from "../../policy/policy.ts";
import { openTestDatabase, serverTestEngine, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { connect } from "../connection/pool.ts";
import { readerOfStoredQuotes } from "./stored-quotes.ts";
import { freshPair, sessionOf, trade, untilBlockedBy } from "./trades.testing.ts";
import { writeTrades } from "./trades.ts";

// The fastest available engine.
const engine = serverTestEngine ?? testEngines[0];

let database: TestDatabase;
beforeAll(async () => {
  if (engine === undefined) throw new Error("there is no engine to test on");
  database = await openTestDatabase(engine);
});
afterAll(() => database?.drop());

interface Report {
  readonly pair: Pair;
  readonly source: string;
  readonly price: string;
  readonly at?: Micros;
}

/** Writes the prices that sources report as trades, by default half a minute old. */
async function report(...reports: readonly Report[]): Promise<void> {
  await writeTrades(
    database,
    reports.map(({ pair, source, price, at = NOW - seconds(30) }) => trade(pair, at, { source, quote: price })),
  );
}

function stored(settings: Partial<PolicySettings> = {}) {
  return readerOfStoredQuotes(database, makePolicy({ ...DEFAULT_POLICY_SETTINGS, ...settings }));
}

/** Returns the quotes of one pair in short form. */
async function read(pair: Pair, settings: Partial<PolicySettings> = {}, maxAge = seconds(5400)): Promise<string[]> {
  const quotes = await stored(settings)([pair], NOW, maxAge);
  return (quotes.get(formatPair(pair)) ?? []).map(
    ({ reference, price, asOf }) => `${reference} ${price.toFixed()} ${(NOW - asOf) / 1_000_000n} s ago`,
  );
}

describe("the stored trades of a pair", () => {
  it("are references if they come from an oracle or an aggregator outside of the VWAP", async () => {
    const pair = freshPair();
    const sources = "band blend coingecko defindex ecb kraken massive nobody reflector-cex sdex sounder".split(" ");
    await report(...sources.map((source) => ({ pair, source, price: "0.4" })));
    const ofOurs = [
      { name: "band", include_in_vwap: true },
      { name: "sounder", class: "oracle" },
    ] as const;
    expect(await read(pair)).toEqual(["band", "coingecko", "reflector-cex"].map((name) => `${name} 0.4 30 s ago`));
    expect(await read(pair, { sources: ofOurs })).toEqual(
      ["coingecko", "reflector-cex", "sounder"].map((name) => `${name} 0.4 30 s ago`),
    );
  });

  it("give the last price of each source within the maximum age", async () => {
    const pair = freshPair();
    await report(
      { pair, source: "band", price: "1", at: NOW - seconds(50) },
      { pair, source: "band", price: "2", at: NOW - seconds(70) },
      { pair, source: "redstone", price: "3", at: NOW - seconds(5400) },
      { pair, source: "chainlink", price: "4", at: NOW - seconds(5460) },
      { pair, source: "coingecko", price: "5", at: NOW + seconds(3600) },
      { pair, source: "coingecko", price: "6", at: NOW - seconds(20) },
    );
    expect(await read(pair)).toEqual(["band 1 50 s ago", "coingecko 6 20 s ago", "redstone 3 5400 s ago"]);
  });

  it("include those under aliases of the pair", async () => {
    const [xlm, native] = [parsePair("XLM/USD"), parsePair("native/USD")];
    await report(
      { pair: native, source: "reflector-dex", price: "0.5", at: NOW - seconds(60) },
      { pair: xlm, source: "reflector-dex", price: "0.4", at: NOW - seconds(30) },
      { pair: native, source: "band", price: "0.41" },
    );
    const expected = ["band 0.41 30 s ago", "reflector-dex 0.4 30 s ago", "reflector-dex 0.5 60 s ago"];
    expect((await read(xlm)).sort()).toEqual(expected);
    expect((await read(native)).sort()).toEqual(expected);
    const world = openWorld();
    await world.publish(native, "0.4");
    expect(await world.check({ pairs: [native], storedQuotes: stored() })).toMatchObject({
      checked: true,
      median: "0.405",
      references: [
        { reference: "band", price: "0.41" },
        { reference: "reflector-dex", price: "0.4" },
      ],
    });
  });

  it("exclude those quoted in an asset that is pegged to the quote, which may have lost its peg", async () => {
    const pair = freshPair();
    const inTether = makePair(pair.base, "USDT");
    await report(
      { pair, source: "coingecko", price: "0.36", at: NOW - seconds(60) },
      { pair: inTether, source: "coingecko", price: "0.4", at: NOW - seconds(30) },
      { pair: inTether, source: "band", price: "0.4" },
    );
    for (const enable_stablecoin_fiat_proxy of [false, true]) {
      expect(await read(pair, { enable_stablecoin_fiat_proxy })).toEqual(["coingecko 0.36 60 s ago"]);
    }
  });
});

describe("together with external references", () => {
  it.each([
    ["CoinGecko's", 20, "0.5"],
    ["the stored one", 40, "0.4"],
  ])("a reference of the same name counts once, with its newer price: %s", async (_name, age, price) => {
    const world = openWorld();
    const pair = freshPair();
    const coingecko = await serveCoingecko([pair], new Map([[pair, quote("0.5", NOW - seconds(age))]]));
    await report({ pair, source: "coingecko", price: "0.4" });
    await world.publish(pair, "0.5");
    const options = { pairs: [pair], references: [coingecko.reference], storedQuotes: stored() };
    expect(await world.check(options)).toMatchObject({
      checked: false,
      references: [{ reference: "coingecko", price }],
    });
    expect(await world.check({ ...options, minReferences: 1 })).toMatchObject({ checked: true, median: price });
  });

  it("one wrong reference of three has no effect, whichever it is", async () => {
    for (const [web, chain, band] of [
      ["400000", "0.4", "0.404"],
      ["0.4", "0.0000001", "0.404"],
      ["0.4", "0.404", "9999999"],
    ] as const) {
      const world = openWorld();
      const pair = freshPair();
      const coingecko = await serveCoingecko([pair], new Map([[pair, quote(web)]]));
      const chainlink = await serveChainlink([pair], new Map([[pair, quote(chain)]]));
      await report({ pair, source: "band", price: band });
      await world.publish(pair, "0.4");
      const references = [coingecko.reference, chainlink.reference];
      const kept = await world.check({ pairs: [pair], references, storedQuotes: stored(), minReferences: 3 });
      expect(kept).toMatchObject({ checked: true, warning: false });
      expect(["0", "1"]).toContain(kept?.deviation_pct);
    }
  });

  it("one that is half a day old does not count; it would raise a warning", async () => {
    const outcomes = [];
    const pair = freshPair();
    const halfADayAgo = NOW - seconds(43_200);
    await report(
      { pair, source: "band", price: "0.39", at: halfADayAgo },
      { pair, source: "redstone", price: "0.39", at: halfADayAgo },
    );
    for (const maxAgeSeconds of [5400, 86_400]) {
      const world = openWorld();
      const coingecko = await serveCoingecko([pair], new Map([[pair, quote("0.44")]]));
      await world.publish(pair, "0.44");
      const options = { references: [coingecko.reference], storedQuotes: stored(), maxAgeSeconds, minReferences: 1 };
      outcomes.push(await world.check({ pairs: [pair], ...options }));
    }
    expect(outcomes).toMatchObject([
      { median: "0.44", warning: false },
      { median: "0.39", warning: true },
    ]);
  });
});

describe("a database", () => {
  it("that is down affects only the references stored in it", async () => {
    const world = openWorld();
    const [asked, onlyStored] = [freshPair(), freshPair()];
    const sql = connect("postgres://nobody@127.0.0.1:1/nothing", { max: 1 });
    const gone = readerOfStoredQuotes(
      { sql, engine: "postgres", breaker: NO_CIRCUIT_BREAKER, close: () => sql.end() },
      makePolicy(DEFAULT_POLICY_SETTINGS),
    );
    const coingecko = await serveCoingecko([asked], new Map([[asked, quote("9")]]));
    await world.publish(asked, "0.4");
    await world.publish(onlyStored, "0.4");
    const pairs = [asked, onlyStored];
    await world.check({ pairs, references: [coingecko.reference], storedQuotes: gone, minReferences: 1 });
    const failures = [{ reference: "trades", failure: "unreachable", reason: expect.stringContaining("ECONNREFUSED") }];
    expect(world.events).toMatchObject([
      { pair: asked, outcome: "ok", divergence: { warning: true }, failures },
      { pair: onlyStored, outcome: "refresh_error", divergence: { checked: false, warning: false }, failures },
    ]);
    await sql.end();
  });

  const isLeftOut = serverTestEngine === null;
  if (isLeftOut) console.log("left out: a database that does not answer, because that takes a PostgreSQL server");
  it.skipIf(isLeftOut)("that does not answer is abandoned when the signal aborts", async () => {
    const world = openWorld();
    const pair = freshPair();
    const leaving = new AbortController();
    await world.publish(pair, "0.4");
    const service = world.open({ pairs: [pair], storedQuotes: stored(), signal: leaving.signal });
    await database.sql.begin(async (transaction) => {
      await transaction`LOCK TABLE trades_1m IN ACCESS EXCLUSIVE MODE`;
      service.start(world.now(), () => true);
      await untilBlockedBy(database.sql, await sessionOf(transaction));
      leaving.abort();
      // The lock is held until this query has ended.
      await service.settle();
    });
    expect(world.events).toEqual([]);
  });
});
