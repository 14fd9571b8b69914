import type { Divergence } from "../../cache/divergence.ts";
import type { Answer } from "../answer.ts";
import type { StoredConfidence, StoredDivergence } from "./stored-texts.ts";
import type { TriangulatedAgreement } from "./triangulated-agreement.ts";

/** The deviation, in per cent, at which the score of an agreement has fallen to 1/e. */
const DEVIATION_SCALE_PCT = 1;

/** How far a price agrees with another one that deviates so much from it, as JSON text; null where there is no other. */
export function agreementText(deviationPct: string | null): string {
  if (deviationPct === null) return "null";
  const score = Math.exp(-Math.abs(Number(deviationPct)) / DEVIATION_SCALE_PCT).toFixed(4);
  return JSON.stringify({ measured: deviationPct, score });
}

/** {@link agreementText} with references outside. */
export function referencesText({ checked, deviation_pct }: Divergence): string {
  return agreementText(checked ? deviation_pct : null);
}

/** The answer with how far its value can be relied on. */
export function withConfidence(
  answer: Answer,
  { fields }: StoredConfidence,
  compared: StoredDivergence | null,
  triangulated: TriangulatedAgreement,
): Answer {
  const references = compared?.agreement ?? agreementText(null);
  const agreement = `{"references":${references},"triangulated":${triangulated.text}}`;
  const rated = { ...answer, confidence: `{${fields},"agreement":${agreement}}` };
  // What is not known yet may be known when the same is asked again.
  return triangulated.isFinal ? rated : { ...rated, again: () => null };
}
