import { UsageError } from "../usage-error.ts";

/** @throws UsageError where an option's text is no whole number of the range */
export function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${option}: ${JSON.stringify(text)} is not a whole number from ${least} to ${most}`);
}

/** @throws UsageError where an option's text is no number in plain notation */
export function plainNumber(option: string, text: string): number {
  if (/^\d{1,9}(\.\d{1,9})?$/.test(text)) return Number(text);
  throw new UsageError(`${option}: ${JSON.stringify(text)} is not a number such as 2.5`);
}
