import { parseConfidence } from "../../cache/confidence.ts";
import { type Divergence, parseDivergence, serializeDivergence } from "../../cache/divergence.ts";
import { type PublishedValue, parsePublished } from "../../canonical/published.ts";
import { type Micros, parseTime } from "../../canonical/time.ts";
import { memoizeByText } from "../../lib/memoize-by-text.ts";
import type { Confidence } from "../../policy/confidence.ts";
import { referencesText } from "./agreement.ts";
import { priceOf } from "./current-price.ts";

/** A value that the aggregator published. */
export interface StoredValue {
  /** The exact text in the store. */
  readonly text: string;
  readonly value: PublishedValue;
  readonly to: Micros;
  /** The `data` of `/v1/price` for this value, as JSON text. */
  readonly price: string;
}

/** The latest comparison of a pair's price with references. */
export interface StoredDivergence {
  readonly divergence: Divergence;
  /** `divergence` as answered, as JSON text. */
  readonly text: string;
  /** The agreement of the references with the price, as JSON text. */
  readonly agreement: string;
}

/** The confidence in a stored value. */
export interface StoredConfidence {
  readonly confidence: Confidence;
  /** The fields to answer, as the inside of a JSON object. */
  readonly fields: string;
}

/** Parses stored texts; the same text of a key is parsed once. All throw PoisonedValueError. */
export interface StoredTexts {
  readonly value: (key: string, text: string) => StoredValue;
  readonly divergence: (key: string, text: string) => StoredDivergence;
  readonly confidence: (key: string, text: string) => StoredConfidence;
}

export function makeStoredTexts(): StoredTexts {
  return {
    value: memoizeByText((text) => {
      const value = parsePublished(text);
      return { text, value, to: parseTime(value.to), price: JSON.stringify(priceOf(value).data) };
    }),
    divergence: memoizeByText((text) => {
      const divergence = parseDivergence(text);
      return { divergence, text: serializeDivergence(divergence), agreement: referencesText(divergence) };
    }),
    confidence: memoizeByText((text) => {
      const confidence = parseConfidence(text);
      const { weakest_leg, factors } = confidence;
      const shown = JSON.stringify({ confidence: confidence.confidence, weakest_leg, factors });
      return { confidence, fields: shown.slice(1, -1) };
    }),
  };
}
