import { formatDuration } from "../internal/canonical/duration.ts";
import { formatPair, type Pair } from "../internal/canonical/pair.ts";
import { parsePublished } from "../internal/canonical/published.ts";
import { alignColumns } from "./table.ts";

const PRICE_DIGITS = 8;
const NONE = "–";

/**
 * Formats the current prices as lines of text: a row per pair, a column per window, then trades and USD volume of the
 * longest window. Figures are rounded for display.
 * @param values the stored texts, by pair, then window; null where there is none
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
