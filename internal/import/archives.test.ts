import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { BadRow } from "./file-kind.ts";
import { importFile } from "./import-file.ts";

const ARCHIVES = fileURLToPath(new URL("../../../shared/data/trades", import.meta.url));

/** The number of valid rows per file; the one of Bitstamp also has a trade of size zero. */
const ROWS: Readonly<Record<string, number>> = {
  "bitstamp_BTC-USD_201109-201205.csv.gz": 9998,
  "bybit_BTC-USDT_20260809.csv.gz": 11,
  "bybit_ETH-USDT_20260809.csv.gz": 9,
  "coinbase_BTC-USD_20260809.csv.gz": 147,
  "coinbase_ETH-USD_20260809.csv.gz": 132,
  "gemini_BTC-EUR_20260806.csv.gz": 10,
  "gemini_BTC-USDT_20260809.csv.gz": 93,
  "gemini_BTC-USD_20260809.csv.gz": 100,
  "gemini_ETH-USDT_20260809.csv.gz": 91,
  "gemini_ETH-USD_20260809.csv.gz": 82,
  "mtgox_BTC-USD_20130101.csv.gz": 2331,
  "sdex_USTRY-USDC_202602_excerpt.csv.gz": 109,
};

const isThere = existsSync(ARCHIVES);
if (!isThere) console.warn("left out: the import of real trade archives, which are not part of the repository");

describe.skipIf(!isThere)("real trade archives", () => {
  test("are exactly the files with a known number of rows", () => {
    expect(readdirSync(ARCHIVES).sort()).toEqual(Object.keys(ROWS).sort());
  });

  test.each(Object.entries(ROWS))("%s", async (name, rows) => {
    const bad: BadRow[] = [];
    const seen = new Set<string>();
    const result = await importFile(`${ARCHIVES}/${name}`, {
      async write(batch) {
        for (const row of batch) seen.add(`${row.ts} ${row.tradeId}`);
        return { inserted: batch.length, known: 0, conflicting: [] };
      },
      onBadRow: (row) => bad.push(row),
    });
    expect(result).toMatchObject({ new: rows, end: { kind: "complete" } });
    expect(seen.size).toBe(rows);
    expect(bad).toEqual(
      name.startsWith("bitstamp") ? [{ line: expect.any(Number), reason: "size is 0, but has to be above 0" }] : [],
    );
  });
});
