import fc from "fast-check";
import { expect, it } from "vitest";
import { setBounded } from "./bounded-map.ts";

it("keeps the entries that were set last, in the order in which they were set", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(8)), (maxSize, keys) => {
      const map = new Map<number, number>();
      for (const [index, key] of keys.entries()) setBounded(map, key, index, maxSize);
      const last = new Map<number, number>();
      for (const [index, key] of keys.entries()) {
        last.delete(key);
        last.set(key, index);
      }
      expect([...map]).toEqual([...last].slice(-maxSize));
    }),
  );
});

it("does not evict another entry where a key is set again", () => {
  const map = new Map([
    ["a", 1],
    ["b", 2],
  ]);
  setBounded(map, "b", 3, 2);
  expect([...map]).toEqual([
    ["a", 1],
    ["b", 3],
  ]);
});
