import type postgres from "postgres";
import { InputError } from "../../canonical/input-error.ts";
import type { Sql } from "../connection/pool.ts";
import { type Actor, audited } from "./audit.ts";

const MOST_NAMED = 10;

/** @throws InputError that names tenants that exist, where this one does not */
export async function requireTenant(sql: Sql, tenant: string): Promise<void> {
  const rows = await sql<{ tenant: string; is_it: boolean }[]>`
    SELECT tenant, tenant = ${tenant} AS is_it FROM control.tenants
    ORDER BY tenant = ${tenant} DESC, tenant LIMIT ${MOST_NAMED}`;
  if (rows[0]?.is_it) return;
  throw new InputError(
    `tenant ${JSON.stringify(tenant)} does not exist; there are ${rows.map((row) => row.tenant).join(", ")}`,
  );
}

/** Creates the tenants that do not exist. */
export async function ensureTenants(sql: Sql, tenants: readonly string[]): Promise<void> {
  await sql`
    INSERT INTO control.tenants (tenant)
    SELECT DISTINCT tenant FROM unnest(${[...tenants]}::text[]) AS given (tenant)
    ON CONFLICT (tenant) DO NOTHING`;
}

/** What a tenant may have in flight; null for any number. */
export interface TenantQuota {
  /** Jobs that may be leased at once. */
  readonly maxConcurrent: number | null;
  /** Jobs that may start in a day (UTC). */
  readonly maxPerDay: number | null;
}

export interface TenantUsage extends TenantQuota {
  readonly leased: number;
  /** Counted while there is a quota for the day; null where there is none. */
  readonly startedToday: number | null;
  /** Null where the tenant is not paused. */
  readonly pausedReason: string | null;
}

/** Sets what a tenant may have in flight. */
export function setQuota(sql: postgres.Sql, actor: Actor, { maxConcurrent, maxPerDay }: TenantQuota): Promise<void> {
  return audited(sql, actor, { action: "tenant.quota", target: {} }, async (transaction) => {
    await transaction`
      UPDATE control.tenants SET max_concurrent = ${maxConcurrent}, max_per_day = ${maxPerDay}
      WHERE tenant = ${actor.tenant}`;
    return { result: undefined, shown: { max_concurrent: maxConcurrent, max_per_day: maxPerDay } };
  });
}

/** Returns a tenant's quota and what of it is used; null if there is no such tenant. */
export async function readUsage(sql: Sql, tenant: string): Promise<TenantUsage | null> {
  const [row] = await sql<TenantUsage[]>`
    SELECT max_concurrent AS "maxConcurrent", max_per_day AS "maxPerDay",
      (
        SELECT count(*)::integer FROM control.jobs JOIN control.lanes USING (lane_id)
        WHERE lanes.tenant = ${tenant} AND state = 'leased'
      ) AS leased,
      CASE WHEN max_per_day IS NOT NULL THEN coalesce((
        SELECT starts FROM control.daily_starts
        WHERE daily_starts.tenant = ${tenant} AND day = (statement_timestamp() AT TIME ZONE 'UTC')::date
      ), 0)::float8 END AS "startedToday",
      pauses.reason AS "pausedReason"
    FROM control.tenants LEFT JOIN control.pauses ON pauses.tenant = tenants.tenant AND scope = 'tenant'
    WHERE tenants.tenant = ${tenant}`;
  return row ?? null;
}
