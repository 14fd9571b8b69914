import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Fields } from "./fields.ts";
import { digestTradeId, rowDigest } from "./trade-id.ts";
import { TRADE_FILE } from "./trade-row.ts";

const ROW: Fields = { ts: "2026-08-09T21:04:35Z", source: "kraken", pair: "XLM/USD", price: "0.25", size: "4" };

const digestOf = (changes: Fields): string => rowDigest(TRADE_FILE.readRow({ ...ROW, ...changes })).toString("hex");

describe("rowDigest", () => {
  test("is the start of SHA-256 over the canonical row", () => {
    const row = "2026-08-09T21:04:35Z,kraken,crypto:XLM,fiat:USD,4,1";
    expect(digestOf({})).toBe(createHash("sha256").update(row).digest("hex").slice(0, 16));
    expect(digestOf({})).toBe("d166cdd2dfc0df82");
  });

  test("does not depend on how a row is written", () => {
    const zeros = fc.nat(5).map((count) => "0".repeat(count));
    const spelling = fc.record({
      ts: fc.constantFrom("2026-08-09T21:04:35.0000009Z", "2026-08-09 23:04:35+02:00"),
      source: fc.constantFrom("kraken", " kraken "),
      pair: fc.constantFrom("crypto:XLM/fiat:USD", "XLM/fiat:USD"),
      price: zeros.map((more) => `0.25${more}`),
      size: fc.constantFrom("4.0", "0.4e1", "4"),
    });
    fc.assert(
      fc.property(spelling, (changes) => {
        expect(digestOf(changes)).toBe(digestOf({}));
      }),
    );
    expect(digestOf({ base_amount: "4", quote_amount: "1.00" })).toBe(digestOf({}));
  });

  test.each<Fields>([{ ts: "2026-08-09T21:04:35.000001Z" }, { source: "sdex" }, { pair: "USD/XLM" }, { size: "4.1" }])(
    "tells %j apart",
    (changes) => expect(digestOf(changes)).not.toBe(digestOf({})),
  );
});

test("an id says which of several identical rows it stands for", () => {
  const digest = Buffer.from("00112233445566ff", "hex");
  expect([1, 2, 10].map((number) => digestTradeId(digest, number))).toEqual([
    "00112233445566ff",
    "00112233445566ff-2",
    "00112233445566ff-10",
  ]);
});
