import type postgres from "postgres";
import { retryConflicts } from "../connection/conflicts.ts";
import type { Sql } from "../connection/pool.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";

/** Who acts on the ledger, and why. */
export interface Actor {
  readonly tenant: string;
  /** Such as the name of an API key or of a user at a terminal. */
  readonly name: string;
  readonly reason: string;
  readonly ticket: string | null;
}

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * Runs an action and its row in the audit log in one transaction: neither is ever there without the other.
 * It is run again after a conflict with other transactions.
 * @param act returns what changed, as the audit log shows it, and the caller's result
 */
export function audited<T>(
  sql: postgres.Sql,
  { tenant, name, reason, ticket }: Actor,
  { action, target }: { readonly action: string; readonly target: Json },
  act: (sql: Sql) => Promise<{ readonly result: T; readonly shown: Json }>,
): Promise<T> {
  return retryConflicts(() =>
    inTransaction(sql, READ_COMMITTED, async (transaction) => {
      const { result, shown } = await act(transaction);
      await transaction`
        INSERT INTO control.audit_log (tenant, actor, action, target, reason, ticket, result)
        VALUES (
          ${tenant}, ${name}, ${action}, ${JSON.stringify(target)}::text::jsonb, ${reason}, ${ticket},
          ${JSON.stringify(shown)}::text::jsonb
        )`;
      return result;
    }),
  );
}
