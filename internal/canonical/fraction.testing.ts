import { expect } from "vitest";
import { compareFractions, type Fraction } from "./fraction.ts";

/** Holds a fraction to a value, in whatever terms either is. */
export function expectFraction(actual: Fraction, expected: Fraction): void {
  const text = ({ numerator, denominator }: Fraction): string => `${numerator}/${denominator}`;
  expect(compareFractions(actual, expected), `${text(actual)} is not ${text(expected)}`).toBe(0);
}
