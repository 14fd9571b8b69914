import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";

/** A host that gets fewer requests than its settings allow, as it asked for. */
export interface SlowedHost {
  readonly host: string;
  /** Without a break. */
  readonly since: Micros;
  /** Nothing is sent before; null where it does not wait now. */
  readonly notBefore: Micros | null;
  /** Requests a second; null where nobody has set a rate. */
  readonly rate: number | null;
  readonly maxRate: number | null;
  /** How often the host has asked for fewer requests. */
  readonly hits: number;
}

const MOST_HOSTS = 1000;

/** Returns the hosts that are slowed down now, by name, at most a thousand. */
export async function slowedHosts(sql: Sql, tenant: string): Promise<SlowedHost[]> {
  const rows = await sql<
    { host: string; since: string; not_before: string | null; rate: number | null; max: number | null; hits: string }[]
  >`
    SELECT host, (extract(epoch FROM slowed_since) * 1000000)::bigint::text AS since,
      CASE WHEN not_before > statement_timestamp() THEN (extract(epoch FROM not_before) * 1000000)::bigint::text END
        AS not_before,
      rate, max_rate AS max, hits::text AS hits
    FROM control.throttles
    WHERE tenant = ${tenant} AND slowed_since IS NOT NULL
      -- One without a rate is back at once when its wait is over; a minute later the next wait is another slowdown.
      AND (rate < max_rate OR not_before > statement_timestamp() - interval '1 minute')
    ORDER BY host LIMIT ${MOST_HOSTS}`;
  return rows.map(({ host, since, not_before, rate, max, hits }) => ({
    host,
    since: BigInt(since),
    notBefore: not_before === null ? null : BigInt(not_before),
    rate,
    maxRate: max,
    hits: Number(hits),
  }));
}
