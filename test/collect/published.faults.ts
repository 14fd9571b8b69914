import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { parsePair } from "../../internal/canonical/pair.ts";
import { serializePublished } from "../../internal/canonical/published.ts";
import { seconds } from "../../internal/canonical/time.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../../internal/policy/policy.ts";
import { computePublished } from "../../internal/policy/published-value.ts";
import {
  openTestDatabase,
  type TestDatabase,
  testEngines,
} from "../../internal/storage/connection/database.testing.ts";
import { withSnapshot } from "../../internal/storage/windows/snapshot.ts";
import { runHere } from "../program.ts";
import { startCoinbase } from "../venues/coinbase.ts";
import { startKraken } from "../venues/kraken.ts";
import { rfc3339 } from "../venues/market.ts";
import { collecting, PATIENCE } from "./harness.ts";

const USD = parsePair("crypto:XLM/fiat:USD");
const POLICY = makePolicy({ ...DEFAULT_POLICY_SETTINGS, min_usd_volume: 0 });

it("values of collected trades have the bytes of values of the venues' full lists, whatever was cut on the way", async () => {
  const venues = [await startKraken(), await startCoinbase()];
  for (const { close } of venues) onTestFinished(close);
  const [kraken, coinbase] = venues;
  if (kraken === undefined || coinbase === undefined) throw new Error("two venues were started");
  const marketOf = new Map([
    [kraken, "XLM/USD"],
    [coinbase, "XLM-USD"],
  ]);
  const start = new Date(Date.now() - 60_000).toISOString();
  const { database, work, complete } = await collecting(
    venues,
    venues.map(({ source }) => ({ source, pair: "XLM/USD", start })),
  );
  work();
  for (let round = 0; round < 3; round++) {
    for (const [venue, market] of marketOf) {
      await vi.waitUntil(() => venue.connections() > 0, PATIENCE);
      venue.markets.faults.duplicates = round === 1;
      venue.markets.faults.outOfOrder = round === 2;
      venue.trade(market, 40);
      venue.cut(round === 0);
      venue.trade(market, 10);
    }
  }
  for (const [venue] of marketOf) {
    Object.assign(venue.markets.faults, { duplicates: false, outOfOrder: false });
    await complete(venue, `${venue.source}:XLM-USD`, 150);
  }

  const engine = testEngines.at(-1);
  if (engine === undefined) throw new Error("there is no engine to test on");
  const imported = await openTestDatabase(engine);
  onTestFinished(() => imported.drop());
  const rows = [...marketOf].flatMap(([{ source, markets }, market]) =>
    markets
      .of(market)
      .map(({ ts, number, price, size }) => [rfc3339(ts), source, "XLM/USD", price, size, number].join(",")),
  );
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-published-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "trades.csv");
  writeFileSync(file, ["ts,source,pair,price,size,trade_id", ...rows, ""].join("\n"));
  expect(await runHere(["import", file], { STELLARINDEX_DATABASE_URL: imported.url })).toMatchObject({
    ...{ status: 0, err: "" },
    out: expect.stringContaining("300 new, 0 duplicates, 0 conflicting"),
  });
  const to = kraken.markets.now();
  for (const windowSeconds of [60, 300, 3600]) {
    const bucket = { from: to - seconds(windowSeconds), to };
    const bytesOf = async (from: TestDatabase) => {
      const compute = (reader: Parameters<Parameters<typeof withSnapshot>[1]>[0]) =>
        computePublished(reader, POLICY, USD, bucket, { maxTrades: 10_000 });
      const { value } = await withSnapshot(from, compute);
      return value === null ? null : serializePublished(value);
    };
    const bytes = await bytesOf(imported);
    expect(bytes).toContain('"source":"kraken"');
    expect(await bytesOf(database)).toBe(bytes);
  }
}, 240_000);
