import { parsePublished } from "../internal/cache/value.ts";
import { formatDuration } from "../internal/canonical/duration.ts";
import { formatPair, type Pair } from "../internal/canonical/pair.ts";
import { alignColumns } from "./table.ts";

const PRICE_DIGITS = 8;
const NONE = "–";

/**
 * The current prices as lines of text: a row per pair, a column per window, then trades and USD volume of the longest
 * window. Rounded for people; the exact figures are the API's.
 * @param values the store's texts, windows within pairs; null where there is none
 */
export function priceTable(
  pairs: readonly Pair[],
  windows: readonly number[],
  values: readonly (string | null)[],
): string[] {
  const head = ["pair", ...windows.map(formatDuration), "trades", "USD volume"];
  const rows = pairs.map((pair, index) => {
    const ofPair = values
      .slice(index * windows.length, (index + 1) * windows.length)
      .map((text) => (text === null ? null : parsePublished(text)));
    const longest = ofPair.at(-1) ?? null;
    return [
      formatPair(pair),
      ...ofPair.map((value) => (value === null ? NONE : Number(value.price).toPrecision(PRICE_DIGITS))),
      String(longest?.trade_count ?? NONE),
      longest?.usd_volume == null ? NONE : Math.round(Number(longest.usd_volume)).toLocaleString("en-US"),
    ];
  });
  return alignColumns([head, ...rows], 1);
}
