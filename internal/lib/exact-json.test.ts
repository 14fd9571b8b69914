import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatJson, InvalidJson, inexactNumbers, isObject, JsonNumber, member, parseJson } from "./exact-json.ts";

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

describe("inexactNumbers", () => {
  it.each([
    ["0", "-0", "1.50", "1e2", "1E+400", "-5e-324"],
    ["0.1", "100000000000000000000", "1.7976931348623157e308", "0e999", "0.000000000000000000000000000000"],
  ])("keeps what a double holds, however it is written: %s", (...texts) => {
    const kept = texts.filter((text) => inexactNumbers(`[${text}]`, 9).length === 0);
    expect(kept).toEqual(texts.filter((text) => text !== "1E+400"));
  });

  it("names what would be changed, and where it is", () => {
    const text = `{"a":[1,{"b/c":12345678901234567890}],"d":0.1234567890123456789,"e":1e400,"f":"12345678901234567890"}`;
    expect(inexactNumbers(text, 9)).toEqual([
      { path: ["a", 1, "b/c"], text: "12345678901234567890" },
      { path: ["d"], text: "0.1234567890123456789" },
      { path: ["e"], text: "1e400" },
    ]);
    expect(inexactNumbers(text, 2)).toHaveLength(2);
  });

  it("finds a number if and only if writing it again gives another value", () => {
    fc.assert(
      fc.property(numberText, (text) => {
        const double = Number(text);
        // Both as fractions with the same power of ten as denominator.
        const scaled = (value: string) => {
          const [, whole = "", fraction = "", exponent = "0"] = /^-?(\d+)(?:\.(\d+))?(?:[eE](.*))?$/.exec(value) ?? [];
          return [BigInt(whole + fraction), BigInt(exponent) - BigInt(fraction.length)] as const;
        };
        const isSame = (): boolean => {
          const [[a, atA], [b, atB]] = [scaled(text), scaled(String(double))];
          if (a === 0n || b === 0n) return a === b;
          if (atA - atB > 1_000n || atB - atA > 1_000n) return false;
          const least = atA < atB ? atA : atB;
          return a * 10n ** (atA - least) === b * 10n ** (atB - least);
        };
        expect(inexactNumbers(`[${text}]`, 1).length === 0).toBe(Number.isFinite(double) && isSame());
      }),
    );
  });

  it("takes no more than linear time for a mebibyte of digits", () => {
    const digits = `1${"0".repeat(2 ** 20)}1`;
    expect(inexactNumbers(`[0.${digits}]`, 1)).toHaveLength(1);
  });
});

describe("formatJson", () => {
  it("writes each number as it was written", () => {
    const text = '{"a":[1.10,-0,1e400,12345678901234567890],"b":{"c":null,"":"\\"\\u0000é"},"d":[]}';
    expect(formatJson(parseJson(text))).toBe(text);
  });

  it("writes any value as JSON.stringify does", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(formatJson(value)).toBe(text);
        expect(formatJson(parseJson(text))).toBe(text);
      }),
    );
    expect(formatJson({ a: undefined, b: 1 })).toBe('{"b":1}');
  });
});
