import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openApiDatabase, openTestApi } from "../internal/api/v1/api.testing.ts";
import { floorTo, formatTime, type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import { importFile } from "../internal/import/import-file.ts";
import type { IdMode } from "../internal/import/trade-id.ts";
import type { TestDatabase } from "../internal/storage/connection/database.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { REAL_DATA, readRealLines } from "./real-data.ts";
import { casesOf } from "./thoroughness.ts";

const MINUTE = seconds(60);

let database: TestDatabase;
let directory: string;
beforeEach(async () => {
  database = await openApiDatabase();
  directory = mkdtempSync(join(tmpdir(), "import-order-"));
});
afterEach(async () => {
  rmSync(directory, { recursive: true });
  await database.drop();
});

async function importLines(lines: readonly string[], ids: IdMode) {
  const file = join(directory, "trades.csv");
  writeFileSync(file, `${lines.join("\n")}\n`);
  const result = await importFile(file, { ids, write: (rows) => writeTrades(database, rows) });
  expect(result.end).toEqual({ kind: "complete" });
  return result;
}

/** Twelve trades of one second with increasing prices, and trades of another source between them. */
const RISING = [
  "ts,source,pair,price,size",
  ...Array.from({ length: 12 }, (_, place) => [
    `2026-01-10T11:59:30Z,kraken,XLM/USD,0.25${String(place).padStart(2, "0")},1000`,
    `2026-01-10T11:58:30Z,binance,XLM/USD,0.25,${1000 + place}`,
  ]).flat(),
];

async function candle(): Promise<{ open: string; close: string }> {
  const api = openTestApi({ database });
  api.at("2026-01-10T12:00:10Z");
  const { body } = await api.get("/v1/ohlc?pair=XLM/USD&interval=1m&from=2026-01-10T11:59:00Z");
  return body.data.candles[0];
}

test("imported by place, a candle opens and closes with the first and last trade of the file", async () => {
  expect(await importLines(RISING, "place")).toMatchObject({ new: 24, known: 0 });
  expect(await candle()).toMatchObject({ open: "0.25", close: "0.2511" });
  expect(await importLines(RISING, "place")).toMatchObject({ new: 0, known: 24 });
});

test("imported by hash, the rows of a part of an imported file are duplicates", async () => {
  await importLines(RISING, "hash");
  expect(await importLines([...RISING.slice(0, 1), ...RISING.slice(9)], "hash")).toMatchObject({ new: 0, known: 16 });
  expect(await candle()).not.toMatchObject({ open: "0.25", close: "0.2511" });
});

/** A real file without ids, with times in whole seconds. */
function withoutIds(file: string): string[] {
  return readRealLines(file).map((line) => line.replace(/,[^,]*$/, "").replace(/^([^,.]{19})\.\d+Z/, "$1Z"));
}

/** Returns the price of every minute's last trade, in the order of the lines. */
function closesOf(lines: readonly string[]): Map<string, number> {
  const last = new Map<string, { readonly ts: Micros; readonly price: number }>();
  for (const line of lines.slice(1)) {
    const [time = "", , , , price, size] = line.split(",");
    const ts = parseTime(time);
    const minute = formatTime(floorTo(ts, MINUTE));
    const before = last.get(minute);
    if (Number(size) > 0 && (before === undefined || before.ts <= ts)) last.set(minute, { ts, price: Number(price) });
  }
  return new Map([...last].map(([minute, { price }]) => [minute, price]));
}

/** Returns the same in the order of trades. */
async function storedCloses(): Promise<Map<string, number>> {
  const rows = await database.sql<{ minute: string; price: string }[]>`
    SELECT DISTINCT ON (minute) to_char(minute AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS minute, price::text
    FROM (SELECT date_bin('1 minute', ts, 'epoch') AS minute, * FROM trades) AS stored
    ORDER BY minute, ts DESC, source COLLATE "C" DESC, length(trade_id) DESC, trade_id COLLATE "C" DESC`;
  return new Map(rows.map(({ minute, price }) => [minute, Number(price)]));
}

describe.skipIf(REAL_DATA === null)("a real file without ids", () => {
  test.each(casesOf(1, ["trades/mtgox_BTC-USD_20130101.csv.gz", "trades/bitstamp_BTC-USD_201109-201205.csv.gz"]))(
    "%s keeps the closing prices of its own order by place, but not by hash",
    async (file) => {
      const lines = withoutIds(file);
      const expected = closesOf(lines);
      await importLines(lines, "place");
      expect(await storedCloses()).toEqual(expected);

      await database.drop();
      database = await openApiDatabase();
      await importLines(lines, "hash");
      const byHash = await storedCloses();
      const others = [...expected].filter(([minute, price]) => byHash.get(minute) !== price);
      console.log(`${file}: ${others.length} of ${expected.size} one-minute closes differ by hash`);
      expect(others.length).toBeGreaterThan(20);
    },
  );
});
