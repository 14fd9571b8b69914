/** What a label says of values beyond its bound. */
export const OTHER = "other";

/**
 * Returns a function that maps values to label values, of which there are at most `most` besides {@link OTHER}: those
 * given, and those that come first. A process never forgets a series, so that names that others choose must not make series
 * without end.
 */
export function boundedLabel(known: readonly string[], most: number): (value: string) => string {
  const values = new Set(known);
  return (value) => {
    if (values.has(value)) return value;
    if (values.size >= most) return OTHER;
    values.add(value);
    return value;
  };
}
