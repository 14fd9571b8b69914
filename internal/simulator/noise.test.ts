import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { approximateExp, approximateNormal, hash, uniform, valueNoise } from "./noise.ts";

const parts = fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 4 });

describe("noise", () => {
  it("is the same on every machine and in every release, since stored simulated trades depend on it", () => {
    expect(hash(1, 2, 3)).toBe(384277788);
    expect(hash(2 ** 32 + 5)).not.toBe(hash(5));
    expect(hash(1, 2)).not.toBe(hash(2, 1));
  });

  it("stays within its bounds", () => {
    fc.assert(
      fc.property(parts, fc.double({ min: 0, max: 1e9, noNaN: true }), (numbers, position) => {
        expect(uniform(...numbers)).toBeGreaterThanOrEqual(0);
        expect(uniform(...numbers)).toBeLessThan(1);
        expect(Math.abs(approximateNormal(...numbers))).toBeLessThan(3.47);
        expect(Math.abs(valueNoise(position, ...numbers))).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("is spread evenly", () => {
    const draws = Array.from({ length: 20_000 }, (_, index) => uniform(7, index));
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = draws.filter((draw) => Math.floor(draw * 10) === tenth).length / draws.length;
      expect(share).toBeGreaterThan(0.09);
      expect(share).toBeLessThan(0.11);
    }
    const bells = Array.from({ length: 20_000 }, (_, index) => approximateNormal(7, index));
    expect(bells.reduce((total, value) => total + value * value, 0) / bells.length).toBeCloseTo(1, 1);
  });

  it("has a smooth curve", () => {
    for (let position = 0; position < 20; position += 0.01) {
      expect(Math.abs(valueNoise(position + 0.01, 3) - valueNoise(position, 3))).toBeLessThan(0.04);
    }
  });

  it("grows like e^x", () => {
    expect(approximateExp(0)).toBe(1);
    expect(approximateExp(1)).toBeCloseTo(Math.E, 0);
    expect(approximateExp(-3)).toBeGreaterThan(0);
    expect(approximateExp(-1)).toBeLessThan(approximateExp(1));
  });
});
