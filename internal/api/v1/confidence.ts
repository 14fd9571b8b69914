import type { Answer } from "../answer.ts";
import { agreementText } from "./agreement.ts";
import type { StoredConfidence, StoredDivergence } from "./stored-texts.ts";
import type { TriangulatedAgreement } from "./triangulated-agreement.ts";

/** Returns the answer with the confidence in its value. */
export function withConfidence(
  answer: Answer,
  { fields }: StoredConfidence,
  compared: StoredDivergence | null,
  triangulated: TriangulatedAgreement,
): Answer {
  const references = compared?.agreement ?? agreementText(null);
  const agreement = `{"references":${references},"triangulated":${triangulated.text}}`;
  const rated = { ...answer, confidence: `{${fields},"agreement":${agreement}}` };
  // The agreement may be known by the next request.
  return triangulated.isFinal ? rated : { ...rated, revalidate: () => null };
}
