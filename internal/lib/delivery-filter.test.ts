import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DeliveryFilter, matches, orderKeyOf } from "./delivery-filter.ts";

const ALL: DeliveryFilter = { events: [], pairs: [], where: [] };
const event = {
  type: "item.created",
  pair: "crypto:XLM/fiat:USD",
  data: { kind: "new", n: 1, sub: { ok: true, z: null } },
};

describe("a filter", () => {
  it.each<[Partial<DeliveryFilter>, boolean]>([
    [{}, true],
    [{ events: ["item.*"] }, true],
    [{ events: ["*"] }, true],
    [{ events: ["item.create"] }, false],
    [{ events: ["price.*", "item.created"] }, true],
    [{ pairs: ["crypto:XLM/fiat:USD"] }, true],
    [{ pairs: ["crypto:XLM/fiat:EUR"] }, false],
    [{ where: [{ pointer: "/kind", values: ["old", "new"] }] }, true],
    [{ where: [{ pointer: "/n", values: ["1"] }] }, false],
    [{ where: [{ pointer: "/n", values: [1] }] }, true],
    [{ where: [{ pointer: "/sub/ok", values: [true] }] }, true],
    [{ where: [{ pointer: "/sub/z", values: [null] }] }, true],
    [{ where: [{ pointer: "/nowhere", values: [null] }] }, false],
    [{ where: [{ pointer: "/sub", values: [] }] }, false],
    [
      {
        where: [
          { pointer: "/kind", values: ["new"] },
          { pointer: "/n", values: [2] },
        ],
      },
      false,
    ],
  ])("%j: %s", (filter, isTold) => expect(matches({ ...ALL, ...filter }, event)).toBe(isTold));

  it("of pairs leaves events without a pair out", () => {
    expect(matches({ ...ALL, pairs: ["a/b"] }, { ...event, pair: null })).toBe(false);
  });

  it("means the same after it was stored as JSON, and a further condition never lets more through", () => {
    const texts = fc.constantFrom("a", "ab", "a*", "*", "b");
    const scalar = fc.constantFrom<string | number | boolean | null>("a", 1, true, null);
    const filters = fc.record({
      events: fc.array(texts),
      pairs: fc.array(texts),
      where: fc.array(fc.record({ pointer: fc.constantFrom("/a", "/b", "/a/a"), values: fc.array(scalar) })),
    });
    const events = fc.record({
      type: texts,
      pair: fc.option(texts),
      data: fc.dictionary(fc.constantFrom("a", "b"), fc.oneof(scalar, fc.constant({ a: 1 }))),
    });
    fc.assert(
      fc.property(filters, events, (filter, given) => {
        const isTold = matches(filter, given);
        expect(matches(JSON.parse(JSON.stringify(filter)), given)).toBe(isTold);
        for (const key of ["events", "pairs", "where"] as const) {
          if (isTold) expect(matches({ ...filter, [key]: [] }, given)).toBe(true);
        }
      }),
    );
  });
});

describe("the key of an event's order", () => {
  const of = (pointer: string | null, data: unknown, pair: string | null = "a/b") =>
    orderKeyOf(pointer, { id: "e", pair, data });

  it("is what the pointer finds, or the pair, or the id", () => {
    expect([
      of(null, {}),
      of("", {}),
      of("", {}, null),
      of("/k", { k: null }),
      of("/k", { k: "x" }),
      of("/k", { k: [1] }),
    ]).toEqual([null, "a/b", "e", "a/b", "x", "[1]"]);
  });

  it("is short and printable, and still another one for another value", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), fc.string({ unit: "binary" }), (one, other) => {
        const [a, b] = [of("/k", { k: one }), of("/k", { k: other })];
        expect(a).toMatch(/^[ -~]{1,200}$/);
        expect(a === b).toBe(one === other);
      }),
    );
  });
});
