import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createOccurrenceCounter } from "./occurrences.ts";

/** Returns the occurrence numbers of the counter, and the number of its temporary files. */
function numbersOf(digests: readonly Buffer[]): { numbers: number[]; files: number } {
  const directory = mkdtempSync(join(tmpdir(), "occurrences-"));
  try {
    const counter = createOccurrenceCounter(directory);
    for (const digest of digests) counter.add(digest);
    const next = counter.finish();
    return { numbers: digests.map(next), files: readdirSync(directory).length };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function numbersByMap(digests: readonly Buffer[]): number[] {
  const seen = new Map<string, number>();
  return digests.map((digest) => {
    const number = (seen.get(digest.toString("hex")) ?? 0) + 1;
    seen.set(digest.toString("hex"), number);
    return number;
  });
}

const digest = (partition: number, value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(partition);
  bytes.writeUInt32LE(value, 4);
  return bytes;
};

describe("createOccurrenceCounter", () => {
  test("numbers like a Map", () => {
    const digests = fc.array(fc.tuple(fc.constantFrom(0, 7, 255), fc.nat(30)), { maxLength: 200, size: "max" });
    fc.assert(
      fc.property(digests, (pairs) => {
        const list = pairs.map(([partition, value]) => digest(partition, value));
        expect(numbersOf(list).numbers).toEqual(numbersByMap(list));
      }),
    );
  });

  test("numbers like a Map if a partition has many pages", () => {
    const list = Array.from({ length: 9000 }, (_, index) => digest(index % 2, (index * index) % 1009));
    expect(numbersOf(list).numbers).toEqual(numbersByMap(list));
  });

  test("needs no files for few rows without duplicates", () => {
    expect(numbersOf([digest(1, 1), digest(1, 2), digest(2, 1)])).toEqual({ numbers: [1, 1, 1], files: 0 });
  });

  test("detects that the file has grown since the first pass", () => {
    const next = createOccurrenceCounter(tmpdir()).finish();
    expect(() => next(digest(1, 1))).toThrow("changed while it was read");
  });
});
