import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDivergence, serializeDivergence } from "../cache/divergence.ts";
import { parseDecimal } from "../canonical/decimal.ts";
import { parseTime } from "../canonical/time.ts";
import { compareWithReferences, type NamedQuote } from "./compare.ts";

const TO = "2026-05-01T12:00:00Z";
const NAMES = ["band", "chainlink", "coingecko", "redstone", "reflector-cex", "reflector-dex"];

function quotes(...prices: readonly string[]): NamedQuote[] {
  return prices.map((price, index) => ({
    reference: NAMES[index] ?? "",
    price: parseDecimal(price),
    asOf: parseTime("2026-05-01T11:59:30Z"),
  }));
}

function compare(price: string, references: readonly NamedQuote[], { pct = "5", min = 1 } = {}) {
  const own = { pair: "crypto:XLM/fiat:USD", price, to: TO };
  const divergence = compareWithReferences(own, references, { thresholdPct: parseDecimal(pct), minReferences: min });
  // Every result can be parsed by the API that serves it.
  expect(parseDivergence(serializeDivergence(divergence))).toEqual(divergence);
  return divergence;
}

it("the result contains the price and its references", () => {
  const asOf = parseTime("2026-05-01T11:59:30.25Z");
  const references = [
    { reference: "coingecko", price: parseDecimal("0.4200"), asOf },
    { reference: "chainlink", price: parseDecimal("0.4"), asOf: asOf - 250_000n },
  ];
  expect(compare("0.4", references, { pct: "2.50", min: 2 })).toEqual({
    pair: "crypto:XLM/fiat:USD",
    price: "0.4",
    to: TO,
    checked: true,
    median: "0.41",
    deviation_pct: "2.5",
    threshold_pct: "2.5",
    warning: false,
    references: [
      { reference: "chainlink", price: "0.4", as_of: "2026-05-01T11:59:30Z" },
      { reference: "coingecko", price: "0.42", as_of: "2026-05-01T11:59:30.25Z" },
    ],
  });
});

describe("the warning", () => {
  it.each([
    ["105", "5", false],
    ["95", "5", false],
    ["105.000000000000000000000000000001", "5", true],
    ["94.999999999999999999999999999999", "5", true],
    ["100", "5", false],
    ["1e-30", "99.9", true],
    ["1e-30", "100", false],
    ["200.1", "100", true],
    ["100.0001", "0.0001", false],
    ["100.00010000000001", "0.0001", true],
  ])("with a price of 100, references at %s and a threshold of %s per cent is %s", (theirs, pct, warning) => {
    expect(compare("100", quotes(theirs), { pct })).toMatchObject({ checked: true, warning });
  });

  it("is relative to the published price, not to the median", () => {
    expect(compare("96", quotes("100"), { pct: "4.1" }).warning).toBe(true);
    expect(compare("100", quotes("96"), { pct: "4.1" }).warning).toBe(false);
  });
});

describe("the median", () => {
  it.each([
    [["7"], "7"],
    [["9", "1", "3"], "3"],
    [["9", "1", "4", "3"], "3.5"],
    [["9", "1", "4", "3", "3"], "3"],
    // A tie in the 18th digit is rounded half-even.
    [["0.123456789012345678", "0.123456789012345679"], "0.123456789012345678"],
    [["0.123456789012345677", "0.123456789012345678"], "0.123456789012345678"],
  ])("of %j is %s", (prices, median) => {
    expect(compare("3", quotes(...prices)).median).toBe(median);
  });

  it("is compared exactly, although it is shown rounded", () => {
    // It is shown as 1.05 but is slightly above it.
    expect(compare("1", quotes("1.05000000000000000000000001"))).toMatchObject({ median: "1.05", warning: true });
  });
});

it("shows prices with at most 18 digits", () => {
  const { references } = compare("1", quotes(`1.${"1".repeat(390)}e-20`, `1${"2".repeat(29)}.5`));
  expect(references.map(({ price }) => price)).toEqual([
    "0.0000000000000000000111111111111111111",
    "122222222222222222000000000000",
  ]);
});

describe("the deviation", () => {
  it.each([
    ["1", "1", "0"],
    ["1", "0.9", "-10"],
    ["1", "1.1", "10"],
    ["3", "1", "-66.666667"],
    ["3", "4", "33.333333"],
    ["1", "1.000000005", "0"],
    ["1", "1.000000015", "0.000002"],
    ["1", "1.000000025", "0.000002"],
    ["1", "0.999999995", "0"],
    ["1", "0.999999985", "-0.000002"],
    ["1", "0.999999975", "-0.000002"],
    ["1", "1.00000000500000000000000001", "0.000001"],
    ["1e-12", "1e12", "99999999999999999999999900"],
  ])("of %s from %s is %s per cent", (ours, theirs, deviation) => {
    expect(compare(parseDecimal(ours).toFixed(), quotes(theirs)).deviation_pct).toBe(deviation);
  });
});

describe("too few references", () => {
  it.each([
    [0, 1, false],
    [0, 0, false],
    [1, 2, false],
    [2, 2, true],
    [2, 3, false],
    [3, 3, true],
  ])("%i of a minimum of %i: checked is %s", (count, min, checked) => {
    const far = quotes("9", "9", "9").slice(0, count);
    expect(compare("1", far, { min })).toMatchObject({
      checked,
      warning: checked,
      median: checked ? "9" : null,
      deviation_pct: checked ? "800" : null,
      references: far.map(({ reference }) => ({ reference, price: "9" })),
    });
  });
});

// The following tests compare the decimals with an independent computation in integers, in units of 10^-DECIMALS.
const DECIMALS = 12;
const UNIT = 10n ** BigInt(DECIMALS);

/** Formats a number of units in plain notation. */
function text(units: bigint): string {
  return parseDecimal(`${units}e-${DECIMALS}`).toFixed();
}

/** Returns dividend / divisor rounded half-even to a whole number; the divisor is positive. */
function roundHalfEven(dividend: bigint, divisor: bigint): bigint {
  const sign = dividend < 0n ? -1n : 1n;
  const size = dividend * sign;
  const [whole, rest] = [size / divisor, size % divisor];
  const up = 2n * rest > divisor || (2n * rest === divisor && whole % 2n === 1n);
  return sign * (up ? whole + 1n : whole);
}

/** Returns twice the median, which is a whole number. */
function twiceMedian(prices: readonly bigint[]): bigint {
  const sorted = [...prices].sort((a, b) => (a < b ? -1 : Number(a > b)));
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] ?? 0n) + (sorted[Math.ceil(middle)] ?? 0n);
}

const price = fc.bigInt({ min: 1n, max: 10n ** 24n });
const hundredths = fc.integer({ min: 1, max: 100_000 });

/** A published price, and references at the threshold, one unit beside it, or anywhere. */
const compared = fc
  .record({
    tenThousandths: fc.bigInt({ min: 1n, max: 10n ** 18n }),
    pct: hundredths,
    theirs: fc.array(
      fc.oneof(
        price.map((units) => () => units),
        fc.record({ side: fc.constantFrom(-1n, 1n), beside: fc.constantFrom(-1n, 0n, 1n) }).map(
          ({ side, beside }) =>
            (part: bigint, pct: number) =>
              10_000n * part + side * BigInt(pct) * part + beside,
        ),
      ),
      { minLength: 1, maxLength: 6 },
    ),
  })
  .map(({ tenThousandths, pct, theirs }) => ({
    ours: 10_000n * tenThousandths,
    pct,
    theirs: theirs.map((give) => give(tenThousandths, pct)).map((units) => (units > 0n ? units : 1n)),
  }));

describe("compared with a computation in integers", () => {
  it("warning and deviation are equal", () => {
    fc.assert(
      fc.property(compared, ({ ours, pct, theirs }) => {
        const { warning, deviation_pct, median } = compare(text(ours), quotes(...theirs.map(text)), {
          pct: String(pct / 100),
        });
        const twice = twiceMedian(theirs);
        const off = twice - 2n * ours;
        expect(warning).toBe((off < 0n ? -off : off) * 10_000n > BigInt(pct) * 2n * ours);
        const millionths = roundHalfEven(off * 100n * 1_000_000n, 2n * ours);
        expect(deviation_pct).toBe(parseDecimal(`${millionths}e-6`).plus(0).toFixed());
        const digits = parseDecimal(median ?? "").times(2);
        const error = digits.minus(text(twice)).abs();
        expect(error.lte(parseDecimal(text(twice)).times("1e-17"))).toBe(true);
      }),
      {
        numRuns: 1_000,
        examples: [
          [{ ours: 100n * UNIT, pct: 500, theirs: [105n * UNIT] }],
          [{ ours: 100n * UNIT, pct: 500, theirs: [105n * UNIT + 1n] }],
          [{ ours: 100n * UNIT, pct: 500, theirs: [95n * UNIT, 95n * UNIT - 1n] }],
        ],
      },
    );
  });

  it("the order of the references does not matter, and they are sorted by name", () => {
    const shuffled = fc
      .record({ ours: price, theirs: fc.array(price, { minLength: 2, maxLength: 6 }) })
      .chain(({ ours, theirs }) => {
        const given = quotes(...theirs.map(text));
        return fc.shuffledSubarray(given, { minLength: given.length }).map((order) => ({ ours, given, order }));
      });
    fc.assert(
      fc.property(shuffled, ({ ours, given, order }) => {
        const divergence = compare(text(ours), order);
        expect(divergence).toEqual(compare(text(ours), given));
        expect(divergence.references.map(({ reference }) => reference)).toEqual(NAMES.slice(0, given.length));
      }),
    );
  });

  it("one wrong reference of three does not matter: the two that agree decide", () => {
    // In per mille of the published price, which is 1; the threshold is 50.
    const honest = fc.oneof(
      fc.tuple(fc.integer({ min: 950, max: 1050 }), fc.integer({ min: 950, max: 1050 })),
      fc.tuple(fc.integer({ min: 1051, max: 3000 }), fc.integer({ min: 1051, max: 3000 })),
      fc.tuple(fc.integer({ min: 1, max: 949 }), fc.integer({ min: 1, max: 949 })),
    );
    const wild = fc.constantFrom("1e-30", "0.00001", "0.95", "1", "1.05", "100000", "1e40");
    fc.assert(
      fc.property(honest, wild, fc.nat(2), ([one, other], lie, place) => {
        const theirs = [`${one}e-3`, `${other}e-3`].toSpliced(place, 0, lie);
        const { median, warning } = compare("1", quotes(...theirs), { min: 3 });
        expect(warning).toBe(one < 950 || one > 1050);
        const [least, most] = [Math.min(one, other), Math.max(one, other)];
        expect(parseDecimal(median ?? "").gte(`${least}e-3`)).toBe(true);
        expect(parseDecimal(median ?? "").lte(`${most}e-3`)).toBe(true);
      }),
    );
  });
});
