import type { Divergence } from "../../cache/divergence.ts";

/** The deviation, in per cent, at which the score of an agreement has fallen to 1/e. */
const DEVIATION_SCALE_PCT = 1;

/**
 * Returns the agreement of a price with another one as JSON text: the deviation and a score, exp(−|deviation|); or
 * null.
 */
export function agreementText(deviationPct: string | null): string {
  if (deviationPct === null) return "null";
  const score = Math.exp(-Math.abs(Number(deviationPct)) / DEVIATION_SCALE_PCT).toFixed(4);
  return JSON.stringify({ measured: deviationPct, score });
}

/** {@link agreementText} with the median of the references. */
export function referencesText({ checked, deviation_pct }: Divergence): string {
  return agreementText(checked ? deviation_pct : null);
}
