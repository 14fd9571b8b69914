import type { LedgerCare } from "../control/rescuer.ts";
import type { Database } from "../storage/connection/database.ts";
import { closeLanes, rescueJobs } from "../storage/control/rescue.ts";

/** Returns the care for the ledger of a database. */
export function ledgerCareOf({ sql }: Pick<Database, "sql">): LedgerCare {
  return { rescue: () => rescueJobs(sql), closeLanes: () => closeLanes(sql) };
}
