import { publishedFields, publishedSchema } from "../../canonical/published.ts";
import { documentedFields } from "../documented.ts";

// Fields of the published value that other answers have, too, for the OpenAPI document.

export const {
  pair: pairText,
  price: priceText,
  volume: volumeText,
  time: timeText,
  policy: policyText,
} = documentedFields(publishedFields);

const { window_seconds, from, to } = documentedFields(publishedSchema.shape);
/** The bucket of an answer. */
export const bucketFields = { window_seconds, from, to };
