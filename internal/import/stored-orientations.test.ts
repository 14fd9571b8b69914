import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEFAULT_ALIASES } from "../aggregate/aliases.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../aggregate/policy.ts";
import { type Asset, parseAsset } from "../canonical/asset.ts";
import { makePair, parsePair } from "../canonical/pair.ts";
import { contractOf, networkPassphrase } from "../canonical/stellar-contract.ts";
import { encodeStrkey } from "../canonical/strkey.ts";
import { parseTime, seconds } from "../canonical/time.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../storage/database.testing.ts";
import { trade } from "../storage/trades.testing.ts";
import { writeTrades } from "../storage/trades.ts";
import { storedOrientations } from "./stored-orientations.ts";

const T = parseTime("2026-03-01T12:34:56Z");
const issued = (code: string): Asset => parseAsset(`${code}-${encodeStrkey("G", Buffer.alloc(32, code))}`);
const contract = (asset: string): Asset => contractOf(parseAsset(asset), networkPassphrase("public")) as Asset;
const policy = makePolicy({
  ...DEFAULT_POLICY_SETTINGS,
  aliases: new Map([...DEFAULT_ALIASES, [parseAsset("crypto:SHOP"), [issued("SHOP")]]]),
});

describe.each(testEngines)("the orientations that are stored on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    const pairs = ["native/USD", `${issued("ONCE")}/BTC`, `ETH/${issued("SHOP")}`, "XRP/EUR", "EUR/XRP"].map(parsePair);
    await writeTrades(
      database,
      pairs.flatMap((pair) => [trade(pair, T), trade(pair, T + seconds(7200), { tradeId: "2" })]),
    );
  });
  afterAll(() => database.drop());

  const stored = () => storedOrientations(database, policy, () => T);

  it.each<[string, base: string, quote: string, isInverted: boolean]>([
    ["the same pair", "native", "USD", false],
    ["the same pair the other way round", "USD", "native", true],
    ["another name the other way round", "USD", "XLM", true],
    ["the contract of the native asset", "USD", contract("native"), true],
    ["the contract, in the same orientation", contract("native"), "USD", false],
    ["a contract of an asset that nothing names but its trades", "BTC", contract(issued("ONCE")), true],
    ["a declared alias", "crypto:SHOP", "ETH", true],
    ["the contract of what a declared alias stands for", contract(issued("SHOP")), "ETH", true],
    ["what is stored both ways round", "XRP", "EUR", false],
    ["what is not stored", "USD", "BTC", false],
  ])("are told of %s", async (_, base, quote, isInverted) => {
    const market = { ...makePair(base, quote), source: "kraken" };
    const orientations = stored();
    expect((await orientations.inverted([market])).has(0)).toBe(isInverted);
    // Other sources have orientations of their own.
    expect((await orientations.inverted([{ ...market, source: "sdex" }])).size).toBe(0);
  });

  it("say by position which of many, and what is there the other way round", async () => {
    const markets = ["ETH/BTC", "USD/XLM", "USD/native", "XLM/USD"].map((pair) => ({
      ...parsePair(pair),
      source: "kraken",
    }));
    expect([...(await stored().inverted(markets))].sort()).toEqual([1, 2]);
    expect(await stored().inverse({ ...parsePair("USD/XLM"), source: "kraken" })).toEqual([
      {
        ...parsePair("native/USD"),
        source: "kraken",
        tradeCount: 2n,
        from: parseTime("2026-03-01T12:00:00Z"),
        to: parseTime("2026-03-01T15:00:00Z"),
      },
    ]);
  });

  it("have one identity for the names of an asset, without a look into the database", () => {
    const { identityOf } = stored();
    expect(identityOf(makePair(issued("NEVER"), "USD"))).toBe(identityOf(makePair(contract(issued("NEVER")), "USD")));
    expect(identityOf(parsePair("native/USD"))).toBe(identityOf(parsePair("XLM/USD")));
    expect(identityOf(parsePair("USD/native"))).not.toBe(identityOf(parsePair("XLM/USD")));
  });
});
