import type postgres from "postgres";
import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { type Actor, audited } from "./audit.ts";

/** What a host bears: requests a second, and how many at once after a pause. */
export interface ThrottleSettings {
  readonly maxRate: number;
  readonly burst: number;
}

/** A host's limit and what is left of it. */
export interface Throttle {
  readonly host: string;
  /** Null where nobody has set a rate: the host only asked to wait. */
  readonly bucket: (ThrottleSettings & { readonly rate: number; readonly tokens: number }) | null;
  /** Nothing is sent before; null where the host does not wait. */
  readonly notBefore: Micros | null;
}

/** Sets what a host bears. Its present rate is the new ceiling; how long it asked to wait stays. */
export function setThrottle(
  sql: postgres.Sql,
  actor: Actor,
  host: string,
  { maxRate, burst }: ThrottleSettings,
): Promise<void> {
  const shown = { max_rate: maxRate, burst };
  return audited(sql, actor, { action: "throttle.set", target: { host } }, async (transaction) => {
    await transaction`
      INSERT INTO control.throttles (tenant, host, max_rate, rate, burst, tokens)
      VALUES (${actor.tenant}, ${host}, ${maxRate}, ${maxRate}, ${burst}, ${burst})
      ON CONFLICT (tenant, host) DO UPDATE SET
        max_rate = excluded.max_rate, rate = excluded.rate, burst = excluded.burst,
        -- Tokens that are spent stay spent.
        tokens = least(excluded.burst, coalesce(control.tokens_at(throttles, clock_timestamp()), excluded.burst)),
        counted_at = clock_timestamp()`;
    return { result: undefined, shown };
  });
}

/** Sets what a host bears unless somebody has set it already. */
export async function ensureThrottle(
  sql: Sql,
  tenant: string,
  host: string,
  { maxRate, burst }: ThrottleSettings,
): Promise<void> {
  await sql`
    INSERT INTO control.throttles (tenant, host, max_rate, rate, burst, tokens)
    VALUES (${tenant}, ${host}, ${maxRate}, ${maxRate}, ${burst}, ${burst})
    ON CONFLICT (tenant, host) DO NOTHING`;
}

/**
 * Slows a host down as it asked for, without the end of a job: its rate is halved, and nothing is sent before it said. The same
 * as what a report does (control.adapt_throttles).
 */
export async function slowDown(sql: Sql, tenant: string, host: string, retryAfterSeconds: number): Promise<void> {
  const pause = sql`${Math.min(retryAfterSeconds, 86_400)} * interval '1 second'`;
  await sql`
    INSERT INTO control.throttles (tenant, host, not_before) VALUES (${tenant}, ${host}, clock_timestamp() + ${pause})
    ON CONFLICT (tenant, host) DO UPDATE SET
      tokens = control.tokens_at(throttles, clock_timestamp()),
      counted_at = clock_timestamp(),
      rate = CASE
        WHEN throttles.not_before > clock_timestamp() THEN throttles.rate
        ELSE greatest(throttles.rate / 2, throttles.max_rate / 64)
      END,
      not_before = greatest(throttles.not_before, excluded.not_before)`;
}

/** Removes a host's limit, also what it asked for; returns false if there was none. */
export function removeThrottle(sql: postgres.Sql, actor: Actor, host: string): Promise<boolean> {
  return audited(sql, actor, { action: "throttle.remove", target: { host } }, async (transaction) => {
    const { count } = await transaction`
      DELETE FROM control.throttles WHERE tenant = ${actor.tenant} AND host = ${host}`;
    return { result: count > 0, shown: { removed: count > 0 } };
  });
}

/** Returns the hosts with a limit after the given one, by name. */
export async function listThrottles(
  sql: Sql,
  tenant: string,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<Throttle[]> {
  const rows = await sql<
    {
      host: string;
      max_rate: number | null;
      rate: number;
      burst: number;
      tokens: number;
      not_before: string | null;
    }[]
  >`
    SELECT host, max_rate, rate, burst, control.tokens_at(throttles, statement_timestamp()) AS tokens,
      CASE WHEN not_before > statement_timestamp()
        THEN (extract(epoch FROM not_before) * 1000000)::bigint::text END AS not_before
    FROM control.throttles WHERE tenant = ${tenant} AND host > ${after}
    ORDER BY host LIMIT ${limit}`;
  return rows.map(({ host, max_rate, rate, burst, tokens, not_before }) => ({
    host,
    bucket: max_rate === null ? null : { maxRate: max_rate, rate, burst, tokens },
    notBefore: not_before === null ? null : BigInt(not_before),
  }));
}
