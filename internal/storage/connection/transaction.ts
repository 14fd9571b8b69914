import type postgres from "postgres";
import { isConnectionLost } from "./errors.ts";
import type { Sql } from "./pool.ts";

/**
 * For transactions that wait for a lock and then read: each statement sees what was committed before it. Explicit,
 * since the default can be changed for a database or a role.
 */
export const READ_COMMITTED = "ISOLATION LEVEL READ COMMITTED";

/**
 * Runs `work` in a transaction; commits if it resolves, rolls back if it rejects. Once the transaction is over or its
 * connection is lost, its `Sql` throws.
 *
 * The driver's own `begin` keeps writing to a lost connection, which ends the process with an uncatchable error. Here
 * nothing more is written, and the rest of `work` is abandoned.
 * @param mode such as `READ ONLY`; empty for the default
 */
export async function inTransaction<T>(
  sql: postgres.Sql,
  mode: string,
  work: (transaction: Sql) => Promise<T>,
): Promise<T> {
  let over: Error | null = null;
  const guarded = async (transaction: Sql): Promise<T> => {
    try {
      const result = await work(refusingOnce(transaction, () => over));
      // A commit would write to the lost connection.
      if (over !== null) return await never();
      return result;
    } catch (error) {
      // So would a rollback.
      if (over !== null || isConnectionLost(error)) return await never();
      throw error;
    }
  };
  try {
    const result = (await sql.begin(mode, guarded)) as T;
    over = new Error("the transaction is over");
    return result;
  } catch (error) {
    over = error as Error;
    throw error;
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}

function refusingOnce(transaction: Sql, over: () => Error | null): Sql {
  const refuse = (): void => {
    const error = over();
    if (error !== null) throw error;
  };
  return new Proxy(transaction, {
    apply(target, self, args) {
      refuse();
      return Reflect.apply(target as (...all: unknown[]) => unknown, self, args);
    },
    get(target, name) {
      refuse();
      return Reflect.get(target, name);
    },
  });
}
