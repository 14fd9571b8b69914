import pRetry from "p-retry";

/** A deadlock, and a transaction that cannot be serialized with others. */
const CONFLICTS: readonly unknown[] = ["40P01", "40001"];
const BACKOFF = { retries: 10, minTimeout: 50, maxTimeout: 1000 };

/**
 * Runs a transaction, and retries it with backoff if the server rolled it back because of a conflict with others.
 * @throws the error of the last attempt
 */
export function retryConflicts<T>(transaction: () => Promise<T>): Promise<T> {
  return pRetry(transaction, {
    ...BACKOFF,
    shouldRetry: ({ error }) => CONFLICTS.includes((error as { code?: unknown }).code),
  });
}
