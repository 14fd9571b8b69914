import type postgres from "postgres";
import { isConnectionLost } from "./errors.ts";
import type { Sql } from "./pool.ts";

/**
 * For transactions that wait for a lock and then look at what is there: each statement sees what was committed before it,
 * whatever the database or the role has as its default.
 */
export const READ_COMMITTED = "ISOLATION LEVEL READ COMMITTED";

/**
 * Runs `work` in a transaction: committed where it ends well, else rolled back. Once the transaction is over, by its end or
 * because the connection was lost, its `Sql` refuses.
 *
 * The driver's own `begin` goes on writing to a connection that was lost under it, which ends the process with an error that
 * nobody can catch. Here nothing is written any more: what is left of `work` is waited for by nobody.
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
      // To commit would be to write.
      if (over !== null) return await never();
      return result;
    } catch (error) {
      // To roll back as well.
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
