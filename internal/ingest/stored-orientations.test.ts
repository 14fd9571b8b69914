import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../test/thoroughness.ts";
import { type Asset, parseAsset } from "../canonical/asset.ts";
import { makePair, parsePair } from "../canonical/pair.ts";
import { contractOf, networkPassphrase } from "../canonical/stellar-contract.ts";
import { encodeStrkey } from "../canonical/strkey.ts";
import { parseTime, seconds } from "../canonical/time.ts";
import { DEFAULT_ALIASES } from "../policy/aliases.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../policy/policy.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../storage/connection/database.testing.ts";
import { trade } from "../storage/trades/trades.testing.ts";
import { writeTrades } from "../storage/trades/trades.ts";
import { storedOrientations } from "./stored-orientations.ts";

const T = parseTime("2026-03-01T12:34:56Z");
const issued = (code: string): Asset => parseAsset(`${code}-${encodeStrkey("G", Buffer.alloc(32, code))}`);
const contract = (asset: string): Asset => contractOf(parseAsset(asset), networkPassphrase("public")) as Asset;
const policy = makePolicy({
  ...DEFAULT_POLICY_SETTINGS,
  aliases: new Map([...DEFAULT_ALIASES, [parseAsset("crypto:SHOP"), [issued("SHOP")]]]),
});

describe.each(enginesOf(testEngines))("stored orientations on $name", (engine) => {
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
    ["the inverted pair", "USD", "native", true],
    ["the inverted pair under an alias", "USD", "XLM", true],
    ["the contract of the native asset", "USD", contract("native"), true],
    ["the contract, in the same orientation", contract("native"), "USD", false],
    ["the contract of an asset that is known only from trades", "BTC", contract(issued("ONCE")), true],
    ["a declared alias", "crypto:SHOP", "ETH", true],
    ["the contract of a declared alias", contract(issued("SHOP")), "ETH", true],
    ["a pair that is stored in both orientations", "XRP", "EUR", false],
    ["a pair that is not stored", "USD", "BTC", false],
  ])("are found for %s", async (_, base, quote, isInverted) => {
    const market = { ...makePair(base, quote), source: "kraken" };
    const orientations = stored();
    expect((await orientations.inverted([market])).has(0)).toBe(isInverted);
    // Each source has its own orientation.
    expect((await orientations.inverted([{ ...market, source: "sdex" }])).size).toBe(0);
  });

  it("are returned by position, with what is stored inverted", async () => {
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

  it("have one identity for the aliases of an asset, without a query", () => {
    const { identityOf } = stored();
    expect(identityOf(makePair(issued("NEVER"), "USD"))).toBe(identityOf(makePair(contract(issued("NEVER")), "USD")));
    expect(identityOf(parsePair("native/USD"))).toBe(identityOf(parsePair("XLM/USD")));
    expect(identityOf(parsePair("USD/native"))).not.toBe(identityOf(parsePair("XLM/USD")));
  });
});
