/**
 * Runs `work` for each item, at most `limit` at a time. After an abort or a failure no further item is started; running
 * ones are awaited.
 * @throws the first failure
 */
export async function concurrently<T>(
  items: Iterable<T>,
  limit: number,
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const pending = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let next = pending.next(); !next.done; next = pending.next()) {
      if (signal.aborted || failures.length > 0) return;
      await work(next.value).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failures.length > 0) throw failures[0];
}
