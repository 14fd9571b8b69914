import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearest } from "./suggest.ts";

describe("names", () => {
  it("are compared by edit distance", () => {
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("", "abc")).toBe(3);
    fc.assert(fc.property(fc.string(), (text) => editDistance(text, text) === 0));
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => editDistance(a, b) === editDistance(b, a)));
  });

  it("are suggested only if they are similar", () => {
    expect(nearest("lvel", ["level", "url"])).toBe("level");
    expect(nearest("colour", ["level", "url"])).toBe(null);
  });
});
