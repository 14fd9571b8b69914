import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enginesOf } from "../../test/thoroughness.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../storage/connection/database.testing.ts";
import { writeTrades } from "../storage/trades/trades.ts";
import type { BadRow } from "./file-kind.ts";
import { importFile } from "./import-file.ts";
import { rateFile } from "./rate-row.ts";

describe.each(enginesOf(testEngines))("a file of rates on $name", (engine) => {
  let database: TestDatabase;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "import-test-"));
    database = await openTestDatabase(engine);
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true });
    await database?.drop();
  });

  async function importText(content: string | Buffer) {
    const path = join(directory, "rates");
    writeFileSync(path, content);
    const badRows: BadRow[] = [];
    const result = await importFile(path, {
      kind: rateFile("ecb"),
      write: (rows) => writeTrades(database, rows),
      onBadRow: (row) => badRows.push(row),
    });
    return { ...result, badRows };
  }

  const csv = (usd: string): string =>
    `rate,note,quote,base,date\n${usd},,USD,EUR,2011-01-03\n0.86131,,GBP,EUR,2011-01-03\nN/A,,USD,EUR,2011-04-22\n`;

  test("is stored once in any format, and does not change stored rates", async () => {
    const bad = { badRows: [{ line: 4, reason: "rate is N/A: there is none for this day" }], bad: 1 };
    const complete = { end: { kind: "complete" } };
    const first = await importText(csv("1.3348"));
    expect(first).toMatchObject({ new: 2, known: 0, conflicting: 0, ...bad, ...complete });
    const again = await importText(gzipSync(csv("1.33480")));
    expect(again).toMatchObject({ new: 0, known: 2, conflicting: 0, ...bad, ...complete });
    const json = await importText('{"date":"2011-01-03","base":"fiat:EUR","quote":"fiat:USD","rate":1.3348}\n');
    expect(json).toMatchObject({ new: 0, known: 1, conflicting: 0, bad: 0, ...complete });
    const other = await importText(csv("1.3349"));
    expect(other).toMatchObject({ new: 0, known: 2, conflicting: 1, ...complete });
    expect(other.conflicts.map(({ quote, tradeId }) => [quote, tradeId])).toEqual([["fiat:USD", "2011-01-03"]]);
    const stored = await database.sql`
      SELECT base_asset, quote_asset, ts::text, source, trade_id, base_amount::text, quote_amount::text, price::text
      FROM trades ORDER BY quote_asset DESC`;
    const row = { base_asset: "fiat:EUR", source: "ecb", trade_id: "2011-01-03", base_amount: "1" };
    expect([...stored]).toMatchObject([
      { ...row, quote_asset: "fiat:USD", quote_amount: "1.3348" },
      { ...row, quote_asset: "fiat:GBP", quote_amount: "0.86131" },
    ]);
  });

  test("has the rows of former currencies counted together", async () => {
    const rows = ["HRK", "LVL", "EEK", "HRK"].map((code, day) => `2011-02-0${day + 1},EUR,${code},7.5`);
    const result = await importText(`date,base,quote,rate\n${rows.join("\n")}\n2011-02-01,EUR,USD,1.4\n`);
    expect(result).toMatchObject({ new: 1, bad: 0, end: { kind: "complete" } });
    expect([...result.skipped]).toEqual([["rates of currencies that are no longer in use", 4]]);
  });

  test.each([
    ["trades", "ts,venue,base,quote,price,size\n", "lacks the columns date; rate. It has: ts, venue, base, quote"],
    [
      "a column per currency",
      "Date,USD,JPY,\n",
      "lacks the columns base; quote; rate. It has: Date, USD, JPY, ; a column per currency is turned into a row per rate",
    ],
    [
      "a column per currency, as the day's file of the central bank",
      "Date, USD, JPY, \n",
      "It has: Date, USD, JPY, ; a column per currency is turned into a row per rate",
    ],
    [
      "trades in NDJSON",
      '{"ts":"T","pair":"EUR/USD"}\n',
      "lacks the columns date; base; quote; rate. It has: ts, pair",
    ],
  ])("is refused if it has %s", async (_, content, reason) => {
    const { end } = await importText(content);
    expect(end).toEqual({ kind: "refused", reason: expect.stringContaining(reason) });
  });
});
