import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { csvReader, splitRow } from "./csv.ts";
import { TRADE_FILE } from "./trade-row.ts";

const readerOf = (header: string) => csvReader(header, TRADE_FILE.columns);
const HEADER = "ts,venue,pair,price,size,note";

describe("splitRow", () => {
  test("splits any single-line row like csv-parse", () => {
    const value = fc.string({ unit: fc.constantFrom("a", '"', ",", " ", "é", "1") });
    const quoted = value.map((text) => `"${text.replaceAll('"', '""')}"`);
    const plain = fc.string({ unit: fc.constantFrom("a", " ", "é", "1"), minLength: 1 });
    fc.assert(
      fc.property(fc.array(fc.oneof(quoted, plain), { minLength: 1 }), (cells) => {
        const row = cells.join(",");
        expect(splitRow(row)).toEqual(parse(row)[0]);
      }),
    );
  });

  test("accepts blanks around quotes", () => {
    expect(splitRow('a, "b,c" ,"d"')).toEqual(["a", "b,c", "d"]);
  });

  test.each([
    ['a,"b,c', "not closed on the same line"],
    ['a,b"c"', "stray quote"],
    ['a,"b"c,"d"', "stray quote"],
  ])("refuses %s", (row, reason) => {
    expect(() => splitRow(row)).toThrow(reason);
  });
});

describe("csvReader", () => {
  test("reads the known columns in any order", () => {
    expect(readerOf(HEADER)("T,kraken,XLM/USD,1,2,hello")).toEqual({
      ts: "T",
      venue: "kraken",
      pair: "XLM/USD",
      price: "1",
      size: "2",
    });
  });

  test("refuses a row with a different number of columns", () => {
    expect(() => readerOf(HEADER)("T,kraken,XLM/USD,1,2")).toThrow("has 5 columns where the header has 6");
  });

  test("names the missing and the existing columns", () => {
    expect(() => readerOf("time,venue,base,price,amount")).toThrow(
      "lacks the columns ts; base and quote (or pair); price and size (or base_amount and quote_amount). " +
        "It has: time, venue, base, price, amount",
    );
  });

  test("names the separator in the error", () => {
    expect(() => readerOf("ts;venue;pair;price;size")).toThrow("columns are separated by commas");
  });

  test("refuses a first line that is not CSV", () => {
    expect(() => readerOf('import { parse } from "csv";')).toThrow(
      "is not CSV with a header: its first line has a stray",
    );
  });

  test("refuses a column that occurs twice", () => {
    expect(() => readerOf(`${HEADER},price`)).toThrow("has the column price twice");
  });
});
