import type { Divergence } from "../../cache/divergence.ts";
import type { Answer } from "../answer.ts";
import type { StoredConfidence, StoredDivergence } from "./stored-texts.ts";

/** The deviation from references, in per cent, at which the score of the agreement has fallen to 1/e. */
const DEVIATION_SCALE_PCT = 1;

/** The agreement of a price with references outside, as JSON text. */
export function agreementText({ checked, deviation_pct }: Divergence): string {
  if (!checked || deviation_pct === null) return NO_AGREEMENT;
  const score = Math.exp(-Math.abs(Number(deviation_pct)) / DEVIATION_SCALE_PCT).toFixed(4);
  return JSON.stringify({ references: { measured: deviation_pct, score } });
}

const NO_AGREEMENT = JSON.stringify({ references: null });

/** The answer with how far its value can be relied on. */
export function withConfidence(
  answer: Answer,
  confidence: StoredConfidence | null,
  compared: StoredDivergence | null,
): Answer {
  if (confidence === null) return answer;
  return { ...answer, confidence: `{${confidence.fields},"agreement":${compared?.agreement ?? NO_AGREEMENT}}` };
}
