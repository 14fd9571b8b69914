import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDecimal } from "../canonical/decimal.ts";
import { formatTime } from "../canonical/time.ts";
import type { Fields } from "../ingest/fields.ts";
import { TRADE_FILE } from "./trade-row.ts";

const readTrade = TRADE_FILE.readRow;

const ROW: Fields = {
  ts: "2026-08-09T21:04:35.345704Z",
  venue: "coinbase",
  base: "BTC",
  quote: "USD",
  price: "65090.99",
  size: "0.00310335",
  trade_id: "1068571991",
};

function read(changes: Fields) {
  const { ts, baseAmount, quoteAmount, ...rest } = readTrade({ ...ROW, ...changes });
  return {
    ts: formatTime(ts),
    baseAmount: formatDecimal(baseAmount),
    quoteAmount: formatDecimal(quoteAmount),
    ...rest,
  };
}

describe("readTrade", () => {
  test("parses a row, with price times size as the exact quote amount", () => {
    expect(read({})).toEqual({
      ts: "2026-08-09T21:04:35.345704Z",
      source: "coinbase",
      base: "crypto:BTC",
      quote: "fiat:USD",
      baseAmount: "0.00310335",
      quoteAmount: "202.0001238165",
      tradeId: "1068571991",
    });
  });

  test.each<[string, Fields, object]>([
    [
      "amounts in preference to price and size",
      { base_amount: "2", quote_amount: "3" },
      { baseAmount: "2", quoteAmount: "3" },
    ],
    ["a pair", { base: "", quote: "", pair: "XLM/fiat:EUR" }, { base: "crypto:XLM", quote: "fiat:EUR" }],
    ["the source in preference to the venue", { source: "sdex" }, { source: "sdex" }],
    ["scientific notation", { price: "2E3", size: "1.94E-7" }, { baseAmount: "0.000000194", quoteAmount: "0.000388" }],
    [
      "a fraction of 7 digits, truncated",
      { ts: "2026-08-09T21:04:35.3457049Z" },
      { ts: "2026-08-09T21:04:35.345704Z" },
    ],
    ...[" UTC", "UTC", " GMT", " utc", " Z", " +0000", " +00:00", " +00", " +0000 UTC", "+00:00 GMT"].map(
      (zone): [string, Fields, object] => [
        `a time with ${JSON.stringify(zone)} behind it`,
        { ts: `2026-08-09 21:04:35.3457049${zone}` },
        { ts: "2026-08-09T21:04:35.345704Z" },
      ],
    ),
    ["an offset after a blank", { ts: "2026-08-09 16:04:35 -0500" }, { ts: "2026-08-09T21:04:35Z" }],
    ["an offset after a blank, with a T", { ts: "2026-08-09T16:04:35 -0500" }, { ts: "2026-08-09T21:04:35Z" }],
    ["the database's notation of times", { ts: "2026-08-09 21:04:35+00" }, { ts: "2026-08-09T21:04:35Z" }],
    ["space around values", { price: " 1 ", size: "2\t", trade_id: " a b " }, { quoteAmount: "2", tradeId: "a b" }],
    ["an empty id as missing", { trade_id: " " }, { tradeId: undefined }],
    [
      "30 decimals once zeros are cut",
      { price: "1.00000", size: `0.${"1".repeat(30)}000` },
      { baseAmount: `0.${"1".repeat(30)}` },
    ],
    ["a long id", { trade_id: "😀".repeat(256) }, { tradeId: "😀".repeat(256) }],
  ])("accepts %s", (_, changes, expected) => {
    expect(read(changes)).toMatchObject(expected);
  });

  test.each<[Fields, string]>([
    [{ ts: "2026-08-09 21:04:35" }, "is not a time with a zone; if it is in UTC, write 2026-08-09T21:04:35Z"],
    [{ ts: "2026-08-09 21:04:35 EST" }, "is not a time with a zone, such as"],
    [{ trade_id: "1.06857E+09" }, "was altered by a spreadsheet or float conversion, which merges ids"],
    [{ trade_id: "2,29E+18" }, "export ids as text"],
    [{ trade_id: "2.290000001189048e+18" }, "export ids as text"],
    [{ trade_id: '="1068571991"' }, "export ids as text"],
    [{ ts: "2026-08-09 21:04:35 -0500 UTC" }, "is not a time with a zone, such as"],
    [{ ts: "2026-08-09 21:04:35 +0200 CEST" }, "is not a time with a zone, such as"],
    [{ ts: "2026-08-09T21:04:35,5Z" }, "its fraction is written with a point, not with a comma"],
    [{ ts: "1786309475" }, "as seconds since 1970 it is 2026-08-09T21:04:35Z: write that"],
    [{ ts: "1786309475.0743" }, "as seconds since 1970 it is 2026-08-09T21:04:35.0743Z: write that"],
    [{ ts: "1786309475123" }, "as milliseconds since 1970 it is 2026-08-09T21:04:35.123Z: write that"],
    [{ ts: "1786309475123456" }, "as microseconds since 1970 it is 2026-08-09T21:04:35.123456Z: write that"],
    [{ ts: "1786309475123456789" }, "as nanoseconds since 1970 it is 2026-08-09T21:04:35.123456Z: write that"],
    [{ ts: `${"2T".repeat(30_000)}Z!` }, "is not a time with a zone, such as"],
    [{ ts: "20260809" }, "is not a time with a zone, such as"],
    [{ ts: "" }, "ts is empty"],
    [{ ts: "0000-06-01T00:00:00Z" }, "outside the years 1 to 9999"],
    [{ ts: "9999-12-31T23:59:59-01:00" }, "outside the years 1 to 9999"],
    [{ venue: "Coinbase" }, "upper-case letters; names of sources have none: write coinbase"],
    [{ venue: "coin base" }, "is not 1 to 64 of a-z"],
    [{ venue: "" }, "source (or venue) is empty"],
    [{ base: "USD" }, "has one asset on both sides"],
    [{ base: "fiat:XLM" }, "not on the ISO 4217 list"],
    [{ base: "", quote: "" }, "base or quote (or pair) is empty"],
    [{ size: "0.000000" }, "size is 0, but has to be above 0"],
    [{ size: "-1" }, "size is -1, but has to be above 0"],
    [{ price: "-5.3" }, "price is -5.3, but has to be above 0"],
    [{ price: "0" }, "price is 0, but has to be above 0"],
    [{ price: "NaN" }, 'price "NaN" is not a decimal number'],
    [{ price: "1,5" }, 'price "1,5" is not a decimal number'],
    [{ price: "" }, "price or size (or base_amount and quote_amount) is empty"],
    [{ size: "1e40" }, "size is 1e40 or more"],
    [{ size: "1e39", price: "10" }, "the quote amount, price times size, is 1e40 or more"],
    [{ size: "1e-31" }, "size has 31 decimals, more than the 30"],
    [
      { size: "1e-20", price: "1e-11" },
      "the quote amount, price times size, has 31 decimals, more than the 30 that can be stored; write the amounts that the venue reports, as base_amount",
    ],
    [{ base_amount: "1e31", quote_amount: "1" }, "the price is below 1e-30"],
    [{ base_amount: "0", quote_amount: "1" }, "base_amount is 0"],
    [{ trade_id: "a\u0007b" }, "has control characters or is not UTF-8"],
    [{ trade_id: "a\uFFFDb" }, "has control characters or is not UTF-8"],
    [{ trade_id: "x".repeat(257) }, "is longer than 256 characters"],
  ])("refuses %j", (changes, reason) => {
    expect(() => readTrade({ ...ROW, ...changes })).toThrow(reason);
  });

  test("throws only input errors", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.double().map(String), fc.constantFrom("1e9999", "1e-9999"));
    fc.assert(
      fc.property(fc.constantFrom(...(Object.keys(ROW) as (keyof Fields)[])), text, (column, value) => {
        try {
          readTrade({ ...ROW, [column]: value });
        } catch (error) {
          expect(error).toMatchObject({ name: "InputError" });
        }
      }),
    );
  });
});
