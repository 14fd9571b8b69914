import { InputError } from "./input-error.ts";

/** Days and rates of the European Central Bank's XML files: `<Cube time='…'>`, and below it `<Cube currency='…' rate='…'/>`. */
const CUBE =
  /<Cube\s+(?:time=(?<q>["'])(?<time>[^"']*)\k<q>\s*>|currency=(?<c>["'])(?<currency>[^"']*)\k<c>\s+rate=(?<r>["'])(?<rate>[^"']*)\k<r>\s*\/>)/g;

/** The reference rate of a day: units of `quote` for one euro. */
export interface EcbRate {
  /** As it is written: YYYY-MM-DD. */
  readonly date: string;
  readonly quote: string;
  /** As it is written: a decimal, or `N/A` for none. */
  readonly rate: string;
}

/**
 * Reads the rates of one of the bank's XML files: of a day, of ninety, or of all since 1999.
 * @throws InputError where it has none
 */
export function parseEcbRates(xml: string): EcbRate[] {
  const rates: EcbRate[] = [];
  let date: string | null = null;
  for (const { groups } of xml.matchAll(CUBE)) {
    const { time, currency: quote = "", rate = "" } = groups ?? {};
    if (time !== undefined) date = time;
    else if (date !== null) rates.push({ date, quote, rate });
  }
  if (rates.length === 0) throw new InputError("has no rates of the European Central Bank; is it its XML file?");
  return rates;
}
