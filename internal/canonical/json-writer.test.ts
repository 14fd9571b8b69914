import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { jsonWriter } from "./json-writer.ts";

const schema = z.object({
  text: z.string(),
  maybe: z.string().nullable(),
  number: z.int().optional(),
  list: z.array(z.object({ flag: z.boolean(), "a key": z.string() })),
  inner: z.object({ b: z.int(), a: z.literal("fixed").optional() }),
  legs: z
    .array(
      z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("one"), x: z.string() }),
        z.object({ y: z.int(), kind: z.literal("two") }),
      ]),
    )
    .optional(),
});
const write = jsonWriter(schema);

const text = fc.string({ unit: "binary" });
const value: fc.Arbitrary<z.output<typeof schema>> = fc.record({
  text,
  maybe: fc.option(text),
  number: fc.option(fc.maxSafeInteger(), { nil: undefined }),
  list: fc.array(fc.record({ flag: fc.boolean(), "a key": text })),
  inner: fc.record({ b: fc.integer(), a: fc.constantFrom("fixed" as const, undefined) }),
  legs: fc.option(
    fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant("one" as const), x: text }),
        fc.record({ y: fc.nat(), kind: fc.constant("two" as const) }),
      ),
    ),
    { nil: undefined },
  ),
});

test("writes what JSON.stringify writes of a value with its keys in the order of the schema", () => {
  fc.assert(
    fc.property(value, (each) => {
      // A parsed value has its keys in that order.
      expect(write(each)).toBe(JSON.stringify(schema.parse(each)));
    }),
  );
});

test("leaves out keys that the schema does not have", () => {
  const each = { later: 1, inner: { c: 3, b: 2 }, list: [], maybe: null, text: "é\n\ud800" };
  expect(write(each)).toBe('{"text":"é\\n\\ud800","maybe":null,"list":[],"inner":{"b":2}}');
});

test("refuses an alternative that the schema does not have", () => {
  const each = { text: "", maybe: null, list: [], inner: { b: 1 }, legs: [{ kind: "three" }] };
  expect(() => write(each)).toThrow("no option of the schema has this kind");
});
