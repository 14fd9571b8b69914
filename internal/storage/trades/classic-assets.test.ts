import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { type Asset, parseAsset } from "../../canonical/asset.ts";
import { parsePair } from "../../canonical/pair.ts";
import { contractOf, networkPassphrase } from "../../canonical/stellar-contract.ts";
import { encodeStrkey } from "../../canonical/strkey.ts";
import { parseTime, seconds } from "../../canonical/time.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { withSnapshot } from "../windows/snapshot.ts";
import { deleteTrades } from "./corrections.ts";
import { trade } from "./trades.testing.ts";
import { writeTrades } from "./trades.ts";

const PUBLIC = networkPassphrase("public");
const AT = parseTime("2026-03-01T12:00:00Z");
const issued = (code: string): Asset => parseAsset(`${code}-${encodeStrkey("G", Buffer.alloc(32, code))}`);
const contract = (asset: Asset): Asset => contractOf(asset, PUBLIC) as Asset;

describe.each(enginesOf(testEngines))("the classic assets behind contracts on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  const assets = (contracts: readonly Asset[], within = 0n, network = PUBLIC) =>
    withSnapshot(database, (reader) => reader.classicAssets(contracts, network, within));

  it("are found as bases and quotes of any pair, only on their network, as soon as they are traded", async () => {
    const [base, quote, never] = [issued("BASE"), issued("LONGQUOTE"), issued("NEVER")];
    const sought = [base, quote, never].map(contract);
    expect([...(await assets(sought))]).toEqual([]);
    await writeTrades(database, [
      trade({ base, quote: parseAsset("USD") }, AT),
      trade({ base: parseAsset("native"), quote }, AT),
      trade(parsePair("BTC/USD"), AT),
    ]);
    // A result that may be a minute old may still lack it.
    expect([...(await assets(sought, seconds(60)))]).toEqual([]);
    const found = [
      [contract(base), base],
      [contract(quote), quote],
    ];
    expect([...(await assets(sought))]).toEqual(found);
    expect([...(await assets(sought, seconds(60)))]).toEqual(found);
    expect([...(await assets(sought.slice(0, 2)))]).toEqual(found);
    expect([...(await assets(sought, 0n, networkPassphrase("testnet")))]).toEqual([]);
  });

  it("are no longer found after all their trades are deleted", async () => {
    const asset = issued("DELETED");
    const pair = { base: asset, quote: parseAsset("USD") };
    await writeTrades(database, [trade(pair, AT)]);
    expect([...(await assets([contract(asset)]))]).toEqual([[contract(asset), asset]]);
    await deleteTrades(database, { pair, from: AT, to: AT + 1n });
    expect([...(await assets([contract(asset)]))]).toEqual([]);
  });

  it("are found among more pairs than one batch holds", async () => {
    const many = Array.from({ length: 1100 }, (_, index) => ({
      base: parseAsset(`crypto:M${index}`),
      quote: parseAsset("USD"),
    }));
    const last = issued("zLAST");
    await writeTrades(
      database,
      [...many, { base: last, quote: parseAsset("USD") }].map((pair) => trade(pair, AT)),
    );
    expect([...(await assets([contract(last)]))]).toEqual([[contract(last), last]]);
  });
});
