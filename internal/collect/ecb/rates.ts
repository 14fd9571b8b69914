import { type EcbRate, parseEcbRates } from "../../canonical/ecb-rates.ts";
import { InputError } from "../../canonical/input-error.ts";
import { publicationTime } from "../../canonical/publication-time.ts";
import type { TradeWords } from "../trade.ts";
import { InvalidMessage } from "../wire.ts";

/** What the bank writes where it has no rate of a currency on a day. */
export const NO_RATE = "N/A";

/** @throws InvalidMessage where a text is none of the bank's files, or has a date that is none */
export function readRates(text: string): readonly EcbRate[] {
  try {
    const rates = parseEcbRates(text);
    for (const { date } of rates) publicationTime(date);
    return rates;
  } catch (error) {
    throw error instanceof InputError ? new InvalidMessage(`the file ${error.message}`) : error;
  }
}

/** Returns the newest date of rates. */
export function newestOf(rates: readonly EcbRate[]): string {
  return rates.reduce((newest, { date }) => (date > newest ? date : newest), "");
}

/** A rate as a trade of one euro, with its date as id: as `import-fx` and `fx.import` store it. */
export function rateWords({ date, rate }: EcbRate): TradeWords {
  return { id: date, ts: publicationTime(date), size: "1", price: rate };
}
