import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Mapped, Missing } from "../config/sections/mapping.ts";
import { eventOf } from "./deliver.testing.ts";
import { applyMapping, Unmappable } from "./mapping.ts";

const FAIL: Missing = { to: "fail" };

const from = (pointer: string, missing: Missing = FAIL, table: Record<string, string> | null = null): Mapped => ({
  kind: "pointer",
  pointer,
  table: table === null ? null : new Map(Object.entries(table)),
  missing,
});

function apply(mapped: Mapped, event = eventOf()): string {
  return applyMapping(new Map([["a", mapped]]), event, "msg_1");
}

describe("a mapping", () => {
  it("copies any part of the data unchanged, under any name and depth", () => {
    const pointerTo = (path: readonly string[]) =>
      path.map((name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(fc.string(), { maxLength: 3 }), fc.string(), (value, path, name) => {
        const nest = (inner: unknown) => path.reduceRight<unknown>((at, each) => ({ [each]: at }), inner);
        const event = eventOf({ body: JSON.stringify(nest(value)) });
        const fields = path.reduceRight<Mapped>(
          (at, each) => ({ kind: "fields", fields: new Map([[each, at]]) }),
          from(pointerTo(path)),
        );
        expect(applyMapping(new Map([[name, fields]]), event, "")).toBe(JSON.stringify({ [name]: nest(value) }));
      }),
      { numRuns: 50 },
    );
  });

  it("keeps numbers digit for digit", () => {
    const body = '{"n":12345678901234567890.10}';
    expect(apply(from(""), eventOf({ body }))).toBe(`{"a":${body}}`);
  });

  it("sends constants and facts of the event", () => {
    expect(apply({ kind: "constant", value: ["x", 1.5, true] })).toBe('{"a":["x",1.5,true]}');
    const facts = ["id", "type", "sender", "sequence", "recorded_at", "delivery_id"] as const;
    expect(facts.map((field) => apply({ kind: "event", field, table: null, missing: FAIL }))).toEqual(
      ["e-1", "item.created", "shop", "7", "2026-11-30T00:53:20.25Z", "msg_1"].map((fact) => `{"a":"${fact}"}`),
    );
    const pair: Mapped = { kind: "event", field: "pair", table: null, missing: FAIL };
    expect(apply(pair, eventOf({ pair: "native/fiat:USD" }))).toBe('{"a":"native/fiat:USD"}');
    expect(() => apply(pair)).toThrow(new Unmappable("a: the event has no pair"));
  });

  it.each<[string, Missing, string]>([
    ["null", { to: "null" }, '{"a":null}'],
    ["nothing", { to: "omit" }, "{}"],
    ["a default", { to: "default", value: 0 }, '{"a":0}'],
  ])("sends %s for what is not there, or not in the table", (_name, missing, sent) => {
    expect(apply(from("/nowhere", missing))).toBe(sent);
    expect(apply(from("/name", missing, { m: "M" }))).toBe(sent);
    expect(apply(from("/name", missing, { n: "N" }))).toBe('{"a":"N"}');
  });

  it("looks texts, numbers as written, and truth values up, not what has no name", () => {
    const event = eventOf({ body: '{"n":1.0,"t":true,"z":null,"l":[],"o":{}}' });
    const table = { "1.0": "one", true: "yes", null: "z", "": "l" };
    const found = ["/n", "/t", "/z", "/l", "/o"].map((pointer) => apply(from(pointer, { to: "null" }, table), event));
    expect(found).toEqual(['{"a":"one"}', '{"a":"yes"}', '{"a":null}', '{"a":null}', '{"a":null}']);
    expect(apply(from("/z"), event)).toBe('{"a":null}');
    expect(() => apply(from("/z", FAIL, table), event)).toThrow('the table has no entry for the data at "/z"');
  });
});
