const MOST_NAMES = 10;

/** Joins the first ten names, followed by the number of the others. */
export function listOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return more > 0 ? `${names.slice(0, MOST_NAMES).join(", ")} and ${more} more` : names.join(", ");
}
