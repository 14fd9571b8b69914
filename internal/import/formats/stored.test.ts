import { afterAll, expect, test } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { parseAsset } from "../../canonical/asset.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import { openTestDatabase, type TestEngine, testEngines } from "../../storage/connection/database.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { NATIVE_FILES } from "./fixtures.testing.ts";
import { importAs, textOf } from "./formats.testing.ts";

const [engine] = enginesOf(testEngines);
const database = await openTestDatabase(engine as TestEngine);
afterAll(database.drop);

async function storedRows(): Promise<string[]> {
  const rows = await database.sql<{ values: string[] }[]>`
    SELECT ARRAY[base_asset, quote_asset, (extract(epoch FROM ts) * 1000000)::bigint::text, source, trade_id,
      base_amount::text, quote_amount::text] AS values
    FROM trades`;
  return rows.map(({ values: [base = "", quote = "", micros = "", source = "", tradeId = "", ...amounts] }) => {
    const [baseAmount, quoteAmount] = amounts.map(parseDecimal);
    if (baseAmount === undefined || quoteAmount === undefined) throw new Error("a row without amounts");
    const assets = { base: parseAsset(base), quote: parseAsset(quote) };
    return textOf({ ...assets, ts: BigInt(micros), source, tradeId, baseAmount, quoteAmount });
  });
}

test("the database has the rows of all native formats as they were read, once however often they are imported", async () => {
  const expected = new Set<string>();
  for (const [, name, content, given] of NATIVE_FILES) {
    const { rows, refused } = await importAs(name, content, given, (batch) => writeTrades(database, batch));
    expect({ name, refused }).toEqual({ name, refused: [] });
    for (const row of rows) expected.add(row);
  }
  expect((await storedRows()).sort()).toEqual([...expected].sort());
  for (const [, name, content, given] of NATIVE_FILES) {
    const again = await importAs(name, content, given, (batch) => writeTrades(database, batch));
    expect({ name, known: again.known }).toEqual({ name, known: again.rows.length });
  }
  expect(await storedRows()).toHaveLength(expected.size);
});
