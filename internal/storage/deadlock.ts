import pRetry from "p-retry";

const DEADLOCK = "40P01";
const PATIENCE = { retries: 10, minTimeout: 50, maxTimeout: 1000 };

/**
 * Runs a transaction, and again where the server has ended it to let another one go on: of two that met in opposite order
 * either may be chosen, and nothing of it is done.
 */
export function retryDeadlocks<T>(transaction: () => Promise<T>): Promise<T> {
  return pRetry(transaction, {
    ...PATIENCE,
    shouldRetry: ({ error }) => (error as { code?: unknown }).code === DEADLOCK,
  });
}
