import fc from "fast-check";
import { expect, it } from "vitest";
import { InputError } from "../canonical/input-error.ts";
import { parseJson } from "./exact-json.ts";
import { parsePointer, valueAt } from "./json-pointer.ts";

const at = (document: unknown, pointer: string) => valueAt(document, parsePointer(pointer));

it("finds any value of a document by the pointer to it", () => {
  const pathIn = (value: unknown): [string, unknown][] => [
    ["", value],
    ...(typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([name, inner]) =>
          pathIn(inner).map(([path, found]): [string, unknown] => [
            `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}${path}`,
            found,
          ]),
        )
      : []),
  ];
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (document) => {
      for (const [path, value] of pathIn(document)) expect(at(document, path)).toBe(value);
    }),
    { numRuns: 50 },
  );
});

it.each([
  [{ a: 1 }, "/b"],
  [{ a: 1 }, "/a/b"],
  [{ a: null }, "/a/b"],
  [{ a: "text" }, "/a/length"],
  [{}, "/constructor"],
  [[1, 2], "/02"],
  [[1, 2], "/2"],
  [[1, 2], "/-"],
  [[1, 2], "/length"],
  [parseJson('{ "a": 1 }'), "/a/text"],
])("finds nothing in %j at %j", (document, pointer) => {
  expect(at(document, pointer)).toBeUndefined();
});

it.each(["a", "#/a", "/~", "/~2", " /a"])("refuses %j, which is not a pointer", (text) => {
  expect(() => parsePointer(text)).toThrow(InputError);
});
