import fc from "fast-check";
import { encodeStrkey } from "../../canonical/strkey.ts";
import type { TradeField, TradeTexts } from "../../canonical/trade.ts";

// Generated texts for the fields of a trade.

/**
 * What PostgreSQL reads and the rules do not: notations that other programs read as something else or not at all. None
 * of them reaches a constraint: the column's type has read them by then.
 */
export const OTHER_TIMES = [
  "2026-03-01",
  "2026-03-01 10:00",
  "2026-03-01T10:00:00",
  "2026-03-01T24:00:00Z",
  "2026-03-01T10:00:60Z",
  "2026-03-01T10:00:00+5:00",
  "2026-03-01 10:00:00 UTC",
  "1 March 2026 10:00 UTC",
];
export const OTHER_DECIMALS = [" 1", "1 ", "1e00001", `${"0".repeat(400)}1`];

const changedAt = (text: string, place: number, by: string) => text.slice(0, place) + by + text.slice(place + 1);
/** Mostly what `usual` gives, so that most trades have few odd fields. */
const mostly = (usual: fc.Arbitrary<string>, odd: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: odd });

const key = (kind: "G" | "C") =>
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => encodeStrkey(kind, Buffer.from(bytes)));
const almostKey = (kind: "G" | "C") =>
  fc.oneof(
    fc
      .tuple(key(kind), fc.nat(56), fc.constantFrom("A", "7", "1", "a", "", "AA"))
      .map(([text, place, by]) => changedAt(text, place, by)),
    key(kind === "G" ? "C" : "G"),
    key(kind).map((text) => text.toLowerCase()),
  );
const code = fc.string({ unit: fc.constantFrom("a", "Z", "0", "9", "X"), minLength: 1, maxLength: 12 });
const oddCode = fc.string({ unit: fc.constantFrom("a", "Z", "0", "-", ":", " ", "é", "\n"), maxLength: 14 });
const usualAsset = fc.oneof(
  fc.constantFrom("native", "fiat:USD", "fiat:EUR", "crypto:XLM"),
  code.map((text) => `crypto:${text}`),
  fc.tuple(code, key("G")).map((parts) => parts.join("-")),
  key("C"),
);
const oddAsset = fc.oneof(
  fc.constantFrom(
    "",
    "Native",
    "native ",
    "XLM",
    "USD",
    "fiat:USDT",
    "fiat:usd",
    "fiat:ZZZ",
    "Crypto:XLM",
    "crypto:",
    "-",
  ),
  fc.constantFrom("crypto:XLM\n", "native\n", "fiat:USD\n"),
  oddCode.map((text) => `crypto:${text}`),
  fc.tuple(oddCode, key("G")).map((parts) => parts.join("-")),
  fc.tuple(code, fc.oneof(almostKey("G"), key("G"))).map((parts) => parts.join(":")),
  fc.tuple(code, almostKey("G")).map((parts) => parts.join("-")),
  almostKey("C"),
  fc.string({ unit: "grapheme", maxLength: 20 }),
);

const digits = (least: number, most: number) =>
  fc.string({ unit: fc.constantFrom("0", "1", "5", "9"), minLength: least, maxLength: most });
const fixed = (text: string, length: number) => text.padStart(length, "0");
const whole = (least: number, most: number, length: number) =>
  fc.integer({ min: least, max: most }).map((number) => fixed(String(number), length));
const timeOf = (year: fc.Arbitrary<string>, zone: fc.Arbitrary<string>, extra: 0 | 1) =>
  fc
    .record({
      year,
      month: whole(1 - extra, 12 + extra, 2),
      day: whole(1 - extra, 28 + 4 * extra, 2),
      separator: fc.constantFrom("T", "t", " "),
      hour: whole(0, 23 + 2 * extra, 2),
      minute: whole(0, 59 + extra, 2),
      second: whole(0, 59, 2),
      fraction: fc.oneof(
        fc.constant(""),
        digits(1, 9).map((text) => `.${text}`),
      ),
      zone,
    })
    // PostgreSQL reads 24:00:00 as the next day; see OTHER_TIMES.
    .filter(({ hour, minute, second }) => !(hour === "24" && `${minute}${second}` === "0000"))
    .map(
      (at) =>
        `${at.year}-${at.month}-${at.day}${at.separator}${at.hour}:${at.minute}:${at.second}${at.fraction}${at.zone}`,
    );
const offset = fc.constantFrom("Z", "z", "+00:00", "-00:30", "+0530", "+14", "-23:59");
const usualTime = fc.oneof(
  timeOf(whole(2025, 2026, 4), offset, 0),
  fc.constantFrom("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.9999999Z"),
);
const oddTime = fc.oneof(
  timeOf(whole(0, 10_000, 4), offset, 0),
  timeOf(whole(2025, 2026, 4), offset, 1),
  timeOf(whole(2025, 2026, 4), fc.constantFrom("+24:00", "+00:60", "+99"), 0),
  fc.constantFrom("0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59.999999-00:01", "10000-01-01T00:00:00Z"),
  fc.constantFrom("", " ", "infinity", "-infinity", "NaN", "0001-12-31 23:59:59 BC", "294276-12-31", "4714-01-01 BC"),
  fc.constantFrom("1786309475", "2026-02-29T00:00:00Z", "2026-03-01T10:00:00,5Z", "yesterdays", ...OTHER_TIMES),
  fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => !/\d|now|today|yesterday|tomorrow|epoch/i.test(text)),
);

const decimal = (wholes: number, decimals: number) =>
  fc
    .tuple(digits(1, wholes), digits(0, decimals))
    .map(([above, below]) => (below === "" ? above : `${above}.${below}`));
const usualAmount = fc.oneof(
  decimal(8, 8),
  decimal(40, 30),
  fc.constantFrom("1e39", "1E-30", "1e+5", ".5", "5.", "+1", "007.50", `${"9".repeat(40)}.${"9".repeat(30)}`),
);
const oddAmount = fc.oneof(
  decimal(42, 32),
  fc.tuple(decimal(5, 5), fc.integer({ min: -45, max: 45 })).map(([text, exponent]) => `${text}e${exponent}`),
  fc.constantFrom("0", "-0", "0.00", "-1", "1e40", "1e-31", "1e9999", "1e-9999", "1e131072", "1e-16384", "1e99999999"),
  fc.constantFrom(
    "",
    " ",
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "inf",
    "1,5",
    "1.5.5",
    "e5",
    "1e",
    ".",
    "--1",
    "$1",
    "½",
  ),
  fc.constantFrom(`1.${"0".repeat(31)}`, `0.${"0".repeat(30)}1`, ...OTHER_DECIMALS),
  fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => !/\d/.test(text)),
);

const sourceOf = (unit: fc.Arbitrary<string>, maxLength: number) =>
  fc.tuple(fc.constantFrom("a", "7"), fc.string({ unit, maxLength })).map((parts) => parts.join(""));
const usualSource = fc.oneof(
  fc.constantFrom("kraken", "x".repeat(64)),
  sourceOf(fc.constantFrom("a", "9", ".", "_", "-"), 63),
);
const oddSource = fc.oneof(
  fc.constantFrom("", "Kraken", " kraken", "kraken ", "kraken\n", "-a", ".a", "x".repeat(65), "krakén", "a/b", "ｋ"),
  sourceOf(fc.constantFrom("a", "A", "ß", "\t", "\0", ":"), 66),
  fc.string({ unit: "binary", maxLength: 10 }),
);

const usualId = fc.oneof(
  fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 20 }),
  fc.constantFrom("1", " ", "é".repeat(256), "😀".repeat(256), "'; DROP TABLE trades; --", '\\"{},', "1e5", "\u00a0"),
);
const oddId = fc.oneof(
  fc.constantFrom(
    "",
    "x".repeat(257),
    "😀".repeat(257),
    "a\0b",
    "a\nb",
    "1\n",
    "\u007f",
    "\u0085",
    "\u009f",
    "a\ufffdb",
    "\ud800",
    "a\udc00",
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: "grapheme", maxLength: 20 }),
);

/** Values of each field that are nearly right, or not at all. */
export const ODD_VALUES: Readonly<Record<TradeField, fc.Arbitrary<string>>> = {
  base_asset: oddAsset,
  quote_asset: oddAsset,
  ts: oddTime,
  source: oddSource,
  trade_id: oddId,
  base_amount: oddAmount,
  quote_amount: oddAmount,
};

/** Trades that are right in most fields. */
export const tradeTexts: fc.Arbitrary<TradeTexts> = fc.record({
  base_asset: mostly(usualAsset, oddAsset),
  quote_asset: mostly(usualAsset, oddAsset),
  ts: mostly(usualTime, oddTime),
  source: mostly(usualSource, oddSource),
  trade_id: mostly(usualId, oddId),
  base_amount: mostly(usualAmount, oddAmount),
  quote_amount: mostly(usualAmount, oddAmount),
});
