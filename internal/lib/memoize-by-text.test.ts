import { expect, it } from "vitest";
import { memoizeByText } from "./memoize-by-text.ts";

it("reads a key's text again only once it has changed", () => {
  const texts: string[] = [];
  const read = memoizeByText((text) => {
    texts.push(text);
    return { text };
  });
  const first = read("a", "1");
  expect(read("a", "1")).toBe(first);
  expect(read("b", "1")).not.toBe(first);
  expect(read("a", "2")).toEqual({ text: "2" });
  // Only the last text of a key is kept.
  expect(read("a", "1")).not.toBe(first);
  expect(texts).toEqual(["1", "1", "2", "1"]);
});

it("keeps no error, and what was there before it", () => {
  const read = memoizeByText((text) => JSON.parse(text) as unknown);
  const before = read("a", "[1]");
  expect(() => read("a", "[")).toThrow(SyntaxError);
  expect(() => read("a", "[")).toThrow(SyntaxError);
  expect(read("a", "[1]")).toBe(before);
});

it("forgets the key that was read longest ago beyond 10 000", () => {
  const texts: string[] = [];
  const read = memoizeByText((text) => texts.push(text));
  for (let key = 0; key <= 10_000; key++) read(String(key), "x");
  texts.length = 0;
  read("1", "x");
  expect(texts).toEqual([]);
  read("0", "x");
  expect(texts).toEqual(["x"]);
});
