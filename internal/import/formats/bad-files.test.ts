import { describe, expect, test } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import { importAs } from "./formats.testing.ts";
import type { Given } from "./given.ts";

const SPOT = "BTCUSDT-trades-2024-12-31.csv";
const spot = (id: number, time = "1735603200123", price = "2", qty = "3"): string =>
  `${id},${price},${qty},6,${time},True,True`;
const XLM_USD: Given = { pair: parsePair("XLM/USD") };

describe("a file that lacks something is refused with the option to add", () => {
  test.each<[string, name: string, content: string, given: Given, reason: string | RegExp]>([
    ["the pair", "trades.csv", spot(1), {}, "nor does its name: add --pair BASE/QUOTE"],
    [
      "the pair of JSON",
      "a.json",
      '[{"trade_id":1,"side":"buy","size":"1","price":"1","time":"2026-01-02T03:04:05Z"}]',
      {},
      "--pair",
    ],
    ["the source", "x.csv", "timestamp,datetime,symbol,price,amount\n", {}, "add --source NAME"],
    [
      "the source of a market's name",
      "x.csv",
      "1700000000,1,2\n",
      { format: "bitcoincharts", ...XLM_USD },
      "does not say which source its trades are of: add --source NAME",
    ],
    [
      "the format, where two look alike",
      "x.csv",
      "1700000000,1,2\n",
      {},
      /Kraken.* bitcoincharts.*: add --format kraken --pair BASE\/QUOTE or --format bitcoincharts --source NAME --pair BASE\/QUOTE$/,
    ],
    ["the pair of an unknown symbol", "BTCXYZ-trades-2024-12-31.csv", spot(1), {}, '"BTCXYZ" cannot be split'],
    [
      "the pair of a symbol with two meanings",
      "BTCAEUR-trades-2024-12-31.csv",
      spot(1),
      {},
      "add --pair BTC/AEUR or --pair BTCA/EUR",
    ],
    ["a header", "x.csv", "a,b,c\n1,2,3\n", {}, "lacks the columns ts; source"],
    [
      "the names of columns",
      "x.csv",
      "Time,Rate,Qty,Symbol\n",
      {},
      "if they mean that, add --map ts=Time,price=Rate,size=Qty,pair=Symbol --source NAME",
    ],
    ["source and pair", "x.csv", "ts,price,size\n", {}, "add --source NAME --pair BASE/QUOTE"],
    ["a delimiter", "x.csv", "ts;price;size\n", {}, "add --delimiter ';'"],
    [
      "columns of the format",
      "x.csv",
      "id,price\n",
      { format: "tardis" },
      "is not of the format tardis, whose columns are exchange,",
    ],
    [
      "keys of the format",
      "x.json",
      '{"id":1}',
      { format: "ccxt" },
      "is not of the format ccxt, whose keys are timestamp,",
    ],
    [
      "trades of a market",
      "trades.csv",
      '"txid","ordertxid","pair","time","type","ordertype","price","cost","fee","vol","margin","misc","ledgers"\n',
      {},
      "Kraken's export of an account's own trades",
    ],
    ["amounts", "x.csv", "id,price,qty,base_qty,time,is_buyer_maker\n", {}, "COIN-M"],
    ["trades", "x.csv", "time,open,high,low,close,volume\n", {}, "has candles"],
    ["anything", "x.csv", "", {}, "is empty"],
    ["any record", "x.json", "[]", {}, "is an empty JSON array"],
    ["an object", "x.json", "[[1,2],[3,4]]", {}, "nor an array of objects"],
    [
      "an answer without error",
      "x.json",
      '{"error":["EGeneral:Too many requests"],"result":{}}',
      {},
      "EGeneral:Too many",
    ],
    ["the end of JSON", "x.json", '[{"a":1},', {}, "is not one whole JSON object"],
    ["commas that are not behind objects", "x.json", '{"ts":1},\n{"ts":2}', {}, "sed 's/,$//' FILE > trades.ndjson"],
    ["a supported separator", "x.csv", "sep=#\nts#price\n", {}, 'separated by "#"'],
  ])("%s", async (_, name, content, given, reason) => {
    const result = await importAs(name, content, given);
    expect(result).toMatchObject({ rows: [], bad: [], understood: [] });
    const matched = typeof reason === "string" ? expect.stringContaining(reason) : expect.stringMatching(reason);
    expect(result.refused).toEqual([matched]);
  });
});

describe("a row is refused", () => {
  test.each<[string, name: string, row: string, given: Given, reason: string]>([
    [
      "in microseconds before 2025",
      SPOT,
      spot(1, "1735603200123456"),
      {},
      "milliseconds until 2025; if it is right, add --time-unit us",
    ],
    [
      "in milliseconds from 2025 on",
      SPOT,
      spot(1, "1735689600123"),
      {},
      "microseconds from 2025 on; if it is right, add --time-unit ms",
    ],
    [
      "in seconds",
      SPOT,
      spot(1, "1735603200"),
      {},
      "as seconds it is 2024-12-31T00:00:00Z; if all its times are, add --time-unit s",
    ],
    [
      "of a negative price",
      "x.csv",
      "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\n1,-2,3,6,1735603200123,True,True",
      XLM_USD,
      "price is -2, but has to be above 0",
    ],
    [
      "of another symbol than the first",
      "x.csv",
      "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\nkraken,XLM/EUR,1700000000123456,1,1,buy,1,1\nkraken,XBT/EUR,1700000000123456,1,2,buy,1,1",
      XLM_USD,
      '3: symbol "XBT/EUR" is not "XLM/EUR" as in the first row; --pair names one pair',
    ],
    [
      "of a derivative",
      "x.ndjson",
      '{"timestamp":1700000000123,"datetime":"x","symbol":"BTC/USDT:USDT","price":1,"amount":1}',
      { source: "okx" },
      "is not a spot market",
    ],
    [
      "of an inverse contract",
      "x.csv",
      "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n1747612800.1,BTCUSD,Buy,1,1,x,a,1,1,1",
      {},
      "an inverse or a dated contract",
    ],
    [
      "of an exchange with contracts",
      "x.csv",
      "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\nderibit,BTC-PERPETUAL,1700000000123456,1,1,buy,1,1",
      {},
      "add --source NAME",
    ],
    ["with a wrong number of columns", SPOT, `${spot(1)},1`, {}, "2: has 8 columns where the first row has 7"],
    ["that is no object", "x.ndjson", "[1]", { source: "okx" }, "2: is not a JSON object"],
    [
      "with a value of another type",
      "x.ndjson",
      '{"timestamp":{},"datetime":"x","symbol":"BTC/USDT","price":1,"amount":1}',
      { source: "okx" },
      "2: timestamp is neither a text nor a number",
    ],
    ["of the future of another unit", SPOT, spot(1, "99999999999999999999"), {}, "digits"],
    ["without a zone", "x.csv", "trade_id,side,size,price,time\n1,buy,1,1,2026-01-02 03:04:05", XLM_USD, "add --zone"],
    [
      "without a price",
      "x.json",
      '[{"date":"1700000000","tid":1,"type":"0","price":null,"amount":"1"}]',
      XLM_USD,
      "1: price or size",
    ],
  ])("%s", async (_, name, row, given, reason) => {
    // The first row of files without a header tells the format; a good one precedes the bad one.
    const good =
      name === SPOT
        ? spot(0)
        : name.endsWith("ndjson")
          ? '{"timestamp":1700000000123,"datetime":"x","symbol":"BTC/USDT","price":1,"amount":1}'
          : "";
    const { bad, refused } = await importAs(name, [good, row].filter(Boolean).join("\n"), given);
    expect(refused).toEqual([]);
    expect(bad).toEqual([expect.stringContaining(reason)]);
  });

  test("and its neighbours are stored, whatever their unit", async () => {
    const times = ["1735689599999", "1735689600000000", "1735689600", "1735689600000001"];
    const { rows, bad } = await importAs(SPOT, times.map((time, id) => spot(id, time)).join("\r\n"));
    expect(rows.map((row) => row.split(" ")[0])).toEqual([
      "2024-12-31T23:59:59.999Z",
      "2025-01-01T00:00:00Z",
      "2025-01-01T00:00:00.000001Z",
    ]);
    expect(bad).toHaveLength(1);
  });
});
