import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { storableText } from "./storable.ts";

/** `venue_unreachable`: no connection to a source. `market_refused`: the venue does not have a feed's market, or it is stored inverted. */
export type CollectorProblemCode = "venue_unreachable" | "market_refused";

/** What is wrong with collecting now. */
export interface CollectorProblem {
  readonly code: CollectorProblemCode;
  /** The source, or the feed. */
  readonly key: string;
  readonly message: string;
  readonly since: Micros;
}

/** Notes what is wrong; since when stays. */
export async function noteProblem(
  sql: Sql,
  tenant: string,
  { code, key, message }: Omit<CollectorProblem, "since">,
): Promise<void> {
  await sql`
    INSERT INTO control.collector_problems (tenant, code, key, message)
    VALUES (${tenant}, ${code}, ${key}, ${storableText(message)})
    ON CONFLICT (tenant, code, key) DO UPDATE SET message = excluded.message`;
}

/** Notes that something is no longer wrong. */
export async function clearProblem(sql: Sql, tenant: string, code: CollectorProblemCode, key: string): Promise<void> {
  await sql`DELETE FROM control.collector_problems WHERE tenant = ${tenant} AND code = ${code} AND key = ${key}`;
}

/** Returns what is wrong, by code and key, at most 500. */
export async function listProblems(sql: Sql, tenant: string): Promise<CollectorProblem[]> {
  const rows = await sql<{ code: CollectorProblemCode; key: string; message: string; since: string }[]>`
    SELECT code, key, message, (extract(epoch FROM since) * 1000000)::bigint::text AS since
    FROM control.collector_problems WHERE tenant = ${tenant}
    ORDER BY code, key LIMIT 500`;
  return rows.map(({ since, ...row }) => ({ ...row, since: BigInt(since) }));
}
