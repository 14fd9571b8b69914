interface PendingCall<Query, Result> {
  readonly query: Query;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Smaller batches let callers continue while later batches run. */
const MAX_BATCH_SIZE = 500;

/**
 * Collects the calls of one turn of the event loop into batches (a data loader). `runBatch` gets up to 500 queries and
 * returns their results in the same order; an Error among them rejects that call only. If `runBatch` rejects, all calls
 * of the batch reject.
 */
export function makeBatcher<Query, Result>(
  runBatch: (queries: readonly Query[]) => Promise<readonly (Result | Error)[]>,
): (query: Query) => Promise<Result> {
  let pending: PendingCall<Query, Result>[] = [];
  const run = async (batch: readonly PendingCall<Query, Result>[]): Promise<void> => {
    try {
      const results = await runBatch(batch.map(({ query }) => query));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const result = results[index] as Result | Error;
        if (result instanceof Error) reject(result);
        else resolve(result);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };
  const runAll = (): void => {
    const all = pending;
    pending = [];
    for (let start = 0; start < all.length; start += MAX_BATCH_SIZE) run(all.slice(start, start + MAX_BATCH_SIZE));
  };
  return (query) =>
    new Promise((resolve, reject) => {
      // Promise callbacks run before setImmediate, so that calls which depend on earlier results join the batch.
      if (pending.length === 0) setImmediate(runAll);
      pending.push({ query, resolve, reject });
    });
}
