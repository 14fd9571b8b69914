import type postgres from "postgres";
import { InputError } from "../../canonical/input-error.ts";
import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { type Actor, audited } from "./audit.ts";

/** A time in which nothing of a source is leased. */
export interface NewBlackout {
  /** Empty for all jobs of the tenant. */
  readonly source: string;
  readonly from: Micros;
  /** The first moment after it. */
  readonly until: Micros;
}

export interface Blackout extends NewBlackout {
  readonly blackoutId: bigint;
  readonly reason: string;
  readonly actor: string;
}

/**
 * Adds a blackout; jobs that are leased run on. Returns its id.
 * @throws InputError where it ends before it begins
 */
export async function addBlackout(
  sql: postgres.Sql,
  actor: Actor,
  { source, from, until }: NewBlackout,
): Promise<bigint> {
  const target = { source, from: timestamptz(from), until: timestamptz(until) };
  if (from >= until) throw new InputError(`a blackout from ${target.from} cannot end at ${target.until}`);
  return audited(sql, actor, { action: "blackout.add", target }, async (transaction) => {
    const [row] = await transaction<{ id: string }[]>`
      INSERT INTO control.blackouts (tenant, source, starts_at, ends_at, reason, actor)
      VALUES (
        ${actor.tenant}, ${source}, ${target.from}::timestamptz, ${target.until}::timestamptz, ${actor.reason}, ${actor.name}
      )
      RETURNING blackout_id::text AS id`;
    if (row === undefined) throw new Error("the blackout was not stored");
    return { result: BigInt(row.id), shown: { blackout: row.id } };
  });
}

/** Removes a blackout; returns false if there was none with this id. */
export function removeBlackout(sql: postgres.Sql, actor: Actor, blackoutId: bigint): Promise<boolean> {
  const id = String(blackoutId);
  return audited(sql, actor, { action: "blackout.remove", target: { blackout: id } }, async (transaction) => {
    const { count } = await transaction`
      DELETE FROM control.blackouts WHERE tenant = ${actor.tenant} AND blackout_id = ${id}::bigint`;
    return { result: count > 0, shown: { removed: count > 0 } };
  });
}

/** Returns blackouts, the newest first, with ids below `before`; null to begin with the newest. */
export async function listBlackouts(
  sql: Sql,
  tenant: string,
  { before, limit }: { readonly before: bigint | null; readonly limit: number },
): Promise<Blackout[]> {
  const rows = await sql<{ id: string; source: string; from: string; until: string; reason: string; actor: string }[]>`
    SELECT blackout_id::text AS id, source, reason, actor,
      (extract(epoch FROM starts_at) * 1000000)::bigint::text AS from,
      (extract(epoch FROM ends_at) * 1000000)::bigint::text AS until
    FROM control.blackouts
    WHERE tenant = ${tenant} ${before === null ? sql`` : sql`AND blackout_id < ${String(before)}::bigint`}
    ORDER BY blackout_id DESC
    LIMIT ${limit}`;
  return rows.map(({ id, from, until, ...row }) => ({
    ...row,
    blackoutId: BigInt(id),
    from: BigInt(from),
    until: BigInt(until),
  }));
}
