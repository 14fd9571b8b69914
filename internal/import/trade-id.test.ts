import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareBytes } from "../canonical/compare.ts";
import type { Fields } from "../ingest/fields.ts";
import { ID_SCHEMES, rowDigest } from "./trade-id.ts";
import { TRADE_FILE } from "./trade-row.ts";

const ROW: Fields = { ts: "2026-08-09T21:04:35Z", source: "kraken", pair: "XLM/USD", price: "0.25", size: "4" };

const digestOf = (changes: Fields): string => rowDigest(TRADE_FILE.readRow({ ...ROW, ...changes })).toString("hex");

describe("rowDigest", () => {
  test("is the start of SHA-256 over the canonical row", () => {
    const row = "2026-08-09T21:04:35Z,kraken,crypto:XLM,fiat:USD,4,1";
    expect(digestOf({})).toBe(createHash("sha256").update(row).digest("hex").slice(0, 16));
    expect(digestOf({})).toBe("d166cdd2dfc0df82");
  });

  test("does not depend on the notation of a row", () => {
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
    "differs for %j",
    (changes) => expect(digestOf(changes)).not.toBe(digestOf({})),
  );
});

const TRADE = TRADE_FILE.readRow(ROW);

test("an id by hash contains the number of the row among identical ones", () => {
  expect([1, 2, 10].map((number) => ID_SCHEMES.hash.idOf(TRADE, number))).toEqual([
    "d166cdd2dfc0df82",
    "d166cdd2dfc0df82-2",
    "d166cdd2dfc0df82-10",
  ]);
});

describe("an id by place", () => {
  const { idOf, numberedBy } = ID_SCHEMES.place;

  test("contains the place and the digest of the row", () => {
    expect(idOf(TRADE, 12)).toBe("0000000012-d166cdd2dfc0df82");
    expect(idOf(TRADE, 2 ** 32 - 1)).toBe("4294967295-d166cdd2dfc0df82");
  });

  test("sorts by place, whatever the content of the row", () => {
    const place = fc.integer({ min: 1, max: 2 ** 32 - 1 });
    const size = fc.integer({ min: 1, max: 1e9 }).map((units) => TRADE_FILE.readRow({ ...ROW, size: `${units}` }));
    fc.assert(
      fc.property(place, place, size, size, (first, second, one, other) => {
        const [left, right] = [idOf(one, first), idOf(other, second)];
        expect(left.length).toBe(right.length);
        if (first !== second) expect(compareBytes(left, right)).toBe(first < second ? -1 : 1);
      }),
    );
  });

  test("counts places per timestamp, source and pair", () => {
    const keyOf = (changes: Fields): string => numberedBy(TRADE_FILE.readRow({ ...ROW, ...changes })).toString("hex");
    for (const same of [{ price: "0.3" }, { size: "5" }, { pair: "crypto:XLM/fiat:USD" }]) {
      expect(keyOf(same)).toBe(keyOf({}));
    }
    for (const other of [
      { ts: "2026-08-09T21:04:36Z" },
      { source: "sdex" },
      { pair: "XLM/EUR" },
      { pair: "ETH/USD" },
    ]) {
      expect(keyOf(other)).not.toBe(keyOf({}));
    }
  });
});
