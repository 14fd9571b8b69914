import type postgres from "postgres";
import { timetableOf } from "../../lib/timetable.ts";
import { inTransaction, READ_COMMITTED } from "../../storage/connection/transaction.ts";
import { databaseTime, listUnconfigured, type NewSchedule, saveSchedule } from "../../storage/control/schedules.ts";

/**
 * Stores the configured schedules of a tenant. One whose times are unchanged keeps its next tick, so that what was missed is
 * known. Nothing is removed: another daemon may have a configuration with more schedules.
 * @returns the names of stored schedules that came from another configuration
 */
export function reconcileSchedules(
  sql: postgres.Sql,
  tenant: string,
  configured: readonly Omit<NewSchedule, "isConfigured">[],
): Promise<string[]> {
  return inTransaction(sql, READ_COMMITTED, async (transaction) => {
    const now = await databaseTime(transaction);
    const names = configured.map(({ name }) => name);
    // In the order of their names, as every other daemon locks them.
    for (const schedule of configured.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      await saveSchedule(
        transaction,
        tenant,
        { ...schedule, isConfigured: true },
        timetableOf(schedule).nextAfter(now),
      );
    }
    return listUnconfigured(transaction, tenant, names);
  });
}
