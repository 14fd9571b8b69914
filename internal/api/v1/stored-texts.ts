import type { Confidence } from "../../aggregate/confidence.ts";
import { parseConfidence } from "../../cache/confidence.ts";
import { type Divergence, parseDivergence, serializeDivergence } from "../../cache/divergence.ts";
import { parsePublished } from "../../cache/value.ts";
import type { PublishedValue } from "../../canonical/published.ts";
import { type Micros, parseTime } from "../../canonical/time.ts";
import { rememberText } from "../remember.ts";
import { referencesText } from "./confidence.ts";
import { priceOf } from "./current-price.ts";

/** A value that the aggregator published. */
export interface StoredValue {
  /** The very bytes in the store. */
  readonly text: string;
  readonly value: PublishedValue;
  readonly to: Micros;
  /** What `/v1/price` shows of it, as JSON text. */
  readonly price: string;
}

/** What comparing a pair's price with references gave. */
export interface StoredDivergence {
  readonly divergence: Divergence;
  /** As it is shown. */
  readonly text: string;
  /** How far it agrees with the price, as JSON text. */
  readonly agreement: string;
}

/** How far a value can be relied on. */
export interface StoredConfidence {
  readonly confidence: Confidence;
  /** What is shown of it, as the fields of a JSON object. */
  readonly fields: string;
}

/** Reads what the store holds by key; the same text of a key is read once. All throw PoisonedValueError. */
export interface StoredTexts {
  readonly value: (key: string, text: string) => StoredValue;
  readonly divergence: (key: string, text: string) => StoredDivergence;
  readonly confidence: (key: string, text: string) => StoredConfidence;
}

export function makeStoredTexts(): StoredTexts {
  return {
    value: rememberText((text) => {
      const value = parsePublished(text);
      return { text, value, to: parseTime(value.to), price: JSON.stringify(priceOf(value).data) };
    }),
    divergence: rememberText((text) => {
      const divergence = parseDivergence(text);
      return { divergence, text: serializeDivergence(divergence), agreement: referencesText(divergence) };
    }),
    confidence: rememberText((text) => {
      const confidence = parseConfidence(text);
      const { weakest_leg, factors } = confidence;
      const shown = JSON.stringify({ confidence: confidence.confidence, weakest_leg, factors });
      return { confidence, fields: shown.slice(1, -1) };
    }),
  };
}
