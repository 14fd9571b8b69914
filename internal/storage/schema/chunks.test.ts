import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bucket, HOUR } from "../../canonical/bucket.ts";
import { mergeBuckets, splitRange, subtractBuckets } from "./chunks.ts";

const DAY = 24n * HOUR;
const hours = (buckets: readonly Bucket[]): number[] =>
  buckets.flatMap(({ from, to }) =>
    Array.from({ length: Number((to - from) / HOUR) }, (_, hour) => Number(from / HOUR) + hour),
  );

/** The chunks of one table, without overlaps and in time order: gaps and lengths in hours. */
const table = fc
  .array(fc.record({ gap: fc.integer({ min: 0, max: 30 }), length: fc.integer({ min: 1, max: 40 }) }), {
    maxLength: 30,
  })
  .map((parts) => {
    const chunks: Bucket[] = [];
    let at = 0n;
    for (const { gap, length } of parts) {
      const from = at + BigInt(gap) * HOUR;
      at = from + BigInt(length) * HOUR;
      chunks.push({ from, to: at });
    }
    return chunks;
  });
const range = fc
  .tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 900 }))
  .map(([from, length]) => ({ from: BigInt(from) * HOUR, to: BigInt(from + length) * HOUR }));

describe("stretches", () => {
  it("of consecutive days are split if there are too many", () => {
    const days = Array.from({ length: 5 }, (_, day) => ({ from: BigInt(day) * DAY, to: BigInt(day + 1) * DAY }));
    expect(splitRange(days, { from: 2n * HOUR, to: 100n * DAY }, 2)).toEqual([
      { from: 2n * HOUR, to: 2n * DAY },
      { from: 2n * DAY, to: 4n * DAY },
      { from: 4n * DAY, to: 5n * DAY },
    ]);
  });

  it("omit times without a chunk, and are extended to whole hours", () => {
    const chunks = [
      { from: HOUR / 2n, to: 2n * HOUR },
      { from: 10n * HOUR, to: 11n * HOUR + 1n },
    ];
    expect(splitRange(chunks, { from: 0n, to: DAY }, 8)).toEqual([
      { from: 0n, to: 2n * HOUR },
      { from: 10n * HOUR, to: 12n * HOUR },
    ]);
    expect(splitRange([], { from: 0n, to: DAY }, 8)).toEqual([]);
  });

  it("cover the chunks of several tables exactly once, each with few chunks per table", () => {
    fc.assert(
      fc.property(table, table, range, fc.integer({ min: 1, max: 6 }), (one, other, within, most) => {
        const stretches = splitRange([...one, ...other], within, most);
        const covered = new Set(hours([...one, ...other]));
        expect(hours(stretches)).toEqual(hours([within]).filter((hour) => covered.has(hour)));
        for (const { from, to } of stretches) {
          for (const chunks of [one, other]) {
            expect(chunks.filter((chunk) => chunk.from < to && chunk.to > from).length).toBeLessThanOrEqual(most + 1);
          }
        }
      }),
    );
  });
});

describe("buckets", () => {
  it("are merged and subtracted hour by hour", () => {
    fc.assert(
      fc.property(table, table, (one, other) => {
        const [merged, minus] = [mergeBuckets(one), mergeBuckets(other)];
        expect(hours(merged)).toEqual(hours(one));
        for (const [index, { from }] of merged.entries()) {
          if (index > 0) expect(from).toBeGreaterThan((merged[index - 1] as Bucket).to);
        }
        const gone = new Set(hours(other));
        expect(hours(subtractBuckets(merged, minus))).toEqual(hours(one).filter((hour) => !gone.has(hour)));
      }),
    );
  });
});
