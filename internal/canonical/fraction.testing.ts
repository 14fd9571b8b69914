import { expect } from "vitest";
import { compareFractions, type Fraction } from "./fraction.ts";

/** Expects a fraction to equal a value, whatever its terms. */
export function expectFraction(actual: Fraction, expected: Fraction): void {
  const text = ({ numerator, denominator }: Fraction): string => `${numerator}/${denominator}`;
  expect(compareFractions(actual, expected), `${text(actual)} is not ${text(expected)}`).toBe(0);
}
