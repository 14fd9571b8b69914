import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import type { Json } from "./audit.ts";

/** What somebody did to the ledger, and why. */
export interface AuditEntry {
  readonly entryId: bigint;
  readonly at: Micros;
  readonly actor: string;
  /** Such as jobs.cancel. */
  readonly action: string;
  readonly target: Json;
  readonly reason: string;
  readonly ticket: string | null;
  /** What changed. */
  readonly result: Json;
}

/** Returns entries of the audit log, the newest first, with ids below `before`; null to begin with the newest. */
export async function readAuditLog(
  sql: Sql,
  tenant: string,
  { before, limit }: { readonly before: bigint | null; readonly limit: number },
): Promise<AuditEntry[]> {
  const rows = await sql<(Omit<AuditEntry, "entryId" | "at"> & { id: string; at: string })[]>`
    SELECT entry_id::text AS id, (extract(epoch FROM at) * 1000000)::bigint::text AS at, actor, action, target, reason,
      ticket, result
    FROM control.audit_log
    WHERE tenant = ${tenant} ${before === null ? sql`` : sql`AND entry_id < ${String(before)}::bigint`}
    ORDER BY entry_id DESC
    LIMIT ${limit}`;
  return rows.map(({ id, at, ...row }) => ({ ...row, entryId: BigInt(id), at: BigInt(at) }));
}
