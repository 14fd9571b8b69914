import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidJson, isObject, JsonNumber, member, parseJson } from "./exact-json.ts";

/** Converts the numbers to doubles, like `JSON.parse`. */
function asDoubles(value: unknown): unknown {
  if (value instanceof JsonNumber) return JSON.parse(value.text);
  if (Array.isArray(value)) return value.map(asDoubles);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asDoubles(inner)]));
}

const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 40 });
const numberText = fc
  .tuple(
    fc.constantFrom("", "-"),
    digits.map((text) => text.replace(/^0+(?=\d)/, "")),
    fc.option(digits),
    fc.option(fc.tuple(fc.constantFrom("e", "E"), fc.constantFrom("", "+", "-"), digits)),
  )
  .map(([sign, whole, fraction, exponent]) => {
    return `${sign}${whole}${fraction === null ? "" : `.${fraction}`}${exponent === null ? "" : exponent.join("")}`;
  });

describe("parseJson", () => {
  it("keeps every digit of every number", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), numberText), { maxLength: 15 }), (entries) => {
        const text = `[${entries.map(([key, number]) => `{${JSON.stringify(key)} : ${number} }`).join(",\n")}]`;
        const expected = entries.map(([key, number]) => [[key, new JsonNumber(number)]]);
        expect((parseJson(text) as object[]).map((entry) => Object.entries(entry))).toEqual(expected);
      }),
    );
  });

  it("parses everything else like JSON.parse", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noNegativeZero: true } as object), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(asDoubles(parseJson(text)))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it("accepts exactly what JSON.parse accepts", () => {
    const unit = fc.constantFrom(...'{}[]:,"\\0123-+.eE \ntrue', '"a":', "null");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        if (isJson) parseJson(text);
        else expect(() => parseJson(text)).toThrow(InvalidJson);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(["", "<!doctype html><p>5</p>", "01", "1 2", "[1,]", "NaN", "[-]", '{"a":.5}', '"open', "[".repeat(100_000)])(
    "refuses %.20j",
    (text) => {
      expect(() => parseJson(text)).toThrow(new InvalidJson("the response is not valid JSON"));
    },
  );

  it("terminates for any mebibyte of text", () => {
    const size = 2 ** 20;
    const texts = [
      `"${"\\\\".repeat(size / 2)}"`,
      `["${"5".repeat(size)}"]`,
      `[${"1,".repeat(size / 2)}1]`,
      '\\"'.repeat(size / 2),
      "[".repeat(size / 2) + "]".repeat(size / 2),
    ];
    // Quadratic time would take hours.
    for (const text of texts) {
      try {
        parseJson(text);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidJson);
      }
    }
  });
});

it("finds only own properties of objects", () => {
  const value = parseJson('{"a":1,"__proto__":"own","text":{"text":"5"}}');
  expect(member(value, "a")).toEqual(new JsonNumber("1"));
  expect(member(value, "__proto__")).toBe("own");
  expect(member(value, "constructor")).toBeUndefined();
  for (const other of [null, undefined, "text", ["a"], new JsonNumber("5")]) {
    expect(member(other, "text")).toBeUndefined();
    expect(member(other, "length")).toBeUndefined();
  }
});
