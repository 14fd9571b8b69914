import { max, median, min } from "simple-statistics";
import type { PublishedValue } from "../canonical/published.ts";

/**
 * Returns the spread of a value's venues: (highest − lowest) / median of their own VWAPs; null for fewer than two. A
 * float, for metrics only.
 */
export function venueSpread({ sources }: Pick<PublishedValue, "sources">): number | null {
  if (sources.length < 2) return null;
  const prices = sources.map((source) => Number(source.quote_volume) / Number(source.base_volume));
  return (max(prices) - min(prices)) / median(prices);
}
