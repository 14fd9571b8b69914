import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ndjsonReader } from "./ndjson.ts";
import { TRADE_FILE } from "./trade-row.ts";

const readerOf = (firstLine: string) => ndjsonReader(firstLine, TRADE_FILE.columns);
const FIRST = '{"ts":"T","source":"sdex","pair":"XLM/USD","price":1,"size":1}';
const read = readerOf(FIRST);

describe("ndjsonReader", () => {
  test("keeps every digit of a number", () => {
    const fields = read(
      '{"ts":"T","price":0.12345678901234567890123456789,"size":-1.94E-7,"trade_id":2290000001189048101}',
    );
    expect(fields).toEqual({
      ts: "T",
      price: "0.12345678901234567890123456789",
      size: "-1.94E-7",
      trade_id: "2290000001189048101",
    });
  });

  test("decodes texts with any JSON escapes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.jsonValue(), (text, other) => {
        expect(read(JSON.stringify({ trade_id: text, other }))).toEqual({ trade_id: text });
      }),
    );
  });

  test("treats null as missing", () => {
    expect(read('{"ts":"T","trade_id":null}')).toEqual({ ts: "T" });
  });

  test.each([
    ['{"ts":"T"', "not one whole JSON object"],
    ['{"price":01}', "not one whole JSON object"],
    ['{"price":1.}', "not one whole JSON object"],
    ['{"price":"1}', "not one whole JSON object"],
    ["[1]", "is not a JSON object"],
    ["17", "is not a JSON object"],
    ['{"price":true}', "price is neither a text nor a number"],
    ['{"size":{"value":1}}', "size is neither a text nor a number"],
  ])("refuses %s", (line, reason) => {
    expect(() => read(line)).toThrow(reason);
  });

  test("refuses a file whose first object lacks columns", () => {
    expect(() => readerOf('{"ts":"T","price":1}')).toThrow(/lacks the columns .*It has: ts, price/);
  });
});
