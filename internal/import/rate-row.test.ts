import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDecimal } from "../canonical/decimal.ts";
import { FIAT_CODES } from "../canonical/fiat.ts";
import { formatTime } from "../canonical/time.ts";
import type { Fields } from "../ingest/fields.ts";
import { rateFile } from "./rate-row.ts";

const ROW: Fields = { date: "2011-01-03", base: "EUR", quote: "USD", rate: "1.3348" };
const { readRow } = rateFile("ecb");

function read(changes: Fields) {
  const { ts, baseAmount, quoteAmount, ...rest } = readRow({ ...ROW, ...changes });
  return {
    ts: formatTime(ts),
    baseAmount: formatDecimal(baseAmount),
    quoteAmount: formatDecimal(quoteAmount),
    ...rest,
  };
}

describe("a row of rates", () => {
  test("is a trade of one unit of base for the rate of quote", () => {
    expect(read({})).toEqual({
      ts: "2011-01-03T15:00:00Z",
      source: "ecb",
      base: "fiat:EUR",
      quote: "fiat:USD",
      baseAmount: "1",
      quoteAmount: "1.3348",
      tradeId: "2011-01-03",
    });
  });

  test("has the requested source", () => {
    expect(rateFile("massive").readRow(ROW).source).toBe("massive");
  });

  test.each<[string, Fields, object]>([
    ["canonical currencies", { base: "fiat:GBP", quote: "fiat:JPY" }, { base: "fiat:GBP", quote: "fiat:JPY" }],
    [
      "space around values",
      { date: " 2026-07-01", base: "CHF ", rate: "\t2 " },
      { ts: "2026-07-01T14:00:00Z", base: "fiat:CHF", quoteAmount: "2", tradeId: "2026-07-01" },
    ],
    ["scientific notation", { rate: "1.94E-7" }, { quoteAmount: "0.000000194" }],
    ["30 decimals once zeros are cut", { rate: `0.${"1".repeat(30)}00` }, { quoteAmount: `0.${"1".repeat(30)}` }],
    ["the smallest rate", { rate: "1e-30" }, { quoteAmount: `0.${"0".repeat(29)}1` }],
    ["a rate just below 1e40", { rate: "9".repeat(40) }, { quoteAmount: "9".repeat(40) }],
  ])("accepts %s", (_, changes, expected) => {
    expect(read(changes)).toMatchObject(expected);
  });

  test.each<[Fields, string]>([
    [{ date: "2011-02-30" }, 'date "2011-02-30" is no calendar date'],
    [{ date: "1998-12-31" }, "date 1998-12-31 is before 1999"],
    [{ date: "" }, "date is empty"],
    [{ base: "eur" }, 'base "eur" is no currency of the ISO 4217 list; did you mean EUR?'],
    [{ base: "fiat:Eur" }, 'base "fiat:Eur" is no currency of the ISO 4217 list; did you mean EUR?'],
    [{ quote: "HRK" }, 'quote "HRK" is no currency of the ISO 4217 list'],
    [{ base: "crypto:BTC" }, 'base "crypto:BTC" is no currency'],
    [{ base: "native" }, 'base "native" is no currency'],
    [{ quote: "XLM" }, 'quote "XLM" is no currency'],
    [{ quote: "fiat:QQQ" }, 'quote "fiat:QQQ" is no currency'],
    [{ quote: "fiat:" }, 'quote "fiat:" is no currency'],
    [{ quote: "fiat:fiat:USD" }, 'quote "fiat:fiat:USD" is no currency'],
    [{ quote: " " }, "quote is empty"],
    [{ quote: undefined }, "quote is empty"],
    [{ quote: "fiat:EUR" }, "pair fiat:EUR/fiat:EUR has one asset on both sides"],
    [{ rate: "N/A" }, "rate is N/A: there is none for this day"],
    [{ rate: "" }, "rate is empty"],
    [{ rate: "0.000" }, "rate is 0, but has to be above 0"],
    [{ rate: "-1.3" }, "rate is -1.3, but has to be above 0"],
    [{ rate: "1,3348" }, 'rate "1,3348" is not a decimal number'],
    [{ rate: "NaN" }, 'rate "NaN" is not a decimal number'],
    [{ rate: "1e40" }, "rate is 1e40 or more"],
    [{ rate: "1e-31" }, "rate has 31 decimals, more than the 30"],
  ])("is refused with %j", (changes, reason) => {
    expect(() => read(changes)).toThrow(reason);
  });

  test("keeps every digit of any rate between any two currencies", () => {
    const code = fc.constantFrom(...FIAT_CODES);
    const digits = (length: number) => fc.string({ unit: fc.constantFrom(..."0123456789"), maxLength: length });
    const rate = fc
      .tuple(fc.integer({ min: 1, max: 9 }), digits(39), digits(29), fc.integer({ min: 1, max: 9 }))
      .map(([first, whole, decimals, last]) => `${first}${whole}.${decimals}${last}`);
    fc.assert(
      fc.property(code, code, rate, (base, quote, rate) => {
        fc.pre(base !== quote);
        expect(read({ base, quote: `fiat:${quote}`, rate })).toMatchObject({
          base: `fiat:${base}`,
          quote: `fiat:${quote}`,
          baseAmount: "1",
          quoteAmount: rate,
        });
      }),
    );
  });

  test("throws only input errors", () => {
    const text = fc.oneof(fc.string(), fc.double().map(String), fc.constantFrom("1e9999", "1e-9999"));
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(ROW)), text, (column, value) => {
        try {
          readRow({ ...ROW, [column]: value });
        } catch (error) {
          expect(error).toMatchObject({ name: "InputError" });
        }
      }),
    );
  });
});
