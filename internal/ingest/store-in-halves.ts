/**
 * Returns a function that stores items together, and does not let one that the database refuses keep the others out: it
 * stores each half by itself then.
 * @param store stores items together, or none of them; returns what became of each
 * @param refused returns what became of an item that the database refuses
 */
export function storeInHalves<Item, Result>(
  store: (items: readonly Item[]) => Promise<Result[]>,
  refused: (reason: string) => Result,
): (items: readonly Item[]) => Promise<Result[]> {
  return async function storeAll(items: readonly Item[]): Promise<Result[]> {
    try {
      return await store(items);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (items.length === 1) return [refused(`the database refuses it: ${(error as Error).message}`)];
      const middle = items.length >> 1;
      return [...(await storeAll(items.slice(0, middle))), ...(await storeAll(items.slice(middle)))];
    }
  };
}

/** Data exceptions, and violated constraints. */
function isRefusal(error: unknown): boolean {
  return /^2[23]...$/.test(String((error as { code?: unknown }).code));
}
