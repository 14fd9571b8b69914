import type { Sql } from "../storage/database.ts";
import { type Finding, ok, wrong } from "./finding.ts";
import { listOf } from "./list.ts";

/** What one role, or PUBLIC, was granted on one table or function; to add trades, as decoders do, is a grant of its own. */
interface Grant {
  readonly role: string;
  readonly privileges: string;
  readonly object: string;
  readonly adds_trades: boolean;
}

/**
 * Whether others than their owner may do more with our tables than read them and add trades. Who may change rollups changes
 * prices, a trigger runs with the rights of whoever writes trades, and the function that counts trades has its owner's.
 * Default privileges, as some hosters have them, give all of it away when the tables are made.
 */
export async function checkGrants(sql: Sql): Promise<Finding> {
  const grants = await sql<Grant[]>`
    WITH trusted AS (
      SELECT oid FROM pg_catalog.pg_roles WHERE rolsuper OR rolname = 'pg_database_owner'::name
      UNION SELECT datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
      UNION SELECT relowner FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass('public.trades'::text)
    ),
    given AS (
      SELECT pg_catalog.format('public.%I'::text, relname) AS object, grantee, privilege_type
      FROM pg_catalog.pg_class CROSS JOIN LATERAL pg_catalog.aclexplode(relacl)
      WHERE relnamespace = pg_catalog.to_regnamespace('public'::text) AND relname IN (
        'trades'::name, 'trades_1m'::name, 'trades_1h'::name, 'retention_horizons'::name, 'stellarindex_migrations'::name
      )
      UNION ALL
      SELECT 'FUNCTION public.trades_add_to_rollups()'::text, grantee, privilege_type
      FROM pg_catalog.pg_proc CROSS JOIN LATERAL
        pg_catalog.aclexplode(coalesce(proacl, pg_catalog.acldefault('f'::"char", proowner)))
      WHERE oid = pg_catalog.to_regprocedure('public.trades_add_to_rollups()'::text)
    )
    SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::pg_catalog.regrole::text END AS role, object,
      pg_catalog.string_agg(privilege_type, ', '::text ORDER BY privilege_type) AS privileges,
      adds_trades
    FROM given CROSS JOIN LATERAL (
      SELECT object = 'public.trades'::text AND privilege_type = 'INSERT'::text AND grantee <> 0 AS adds_trades
    ) AS kind
    WHERE grantee NOT IN (SELECT oid FROM trusted) AND privilege_type <> 'SELECT'::text
    GROUP BY grantee, object, adds_trades
    ORDER BY role, object`;
  const surplus = grants.filter(({ adds_trades }) => !adds_trades);
  if (surplus.length === 0) {
    const writers = listOf(grants.map(({ role }) => role));
    return ok(writers === "" ? "nobody but the owner may change anything" : `trades are added by ${writers}, no more`);
  }
  return wrong(
    `others may do more than read and add trades: ${listOf(surplus.map(({ role, privileges, object }) => `${role} has ${privileges} on ${object}`))}`,
    `${surplus.map(({ role, privileges, object }) => `REVOKE ${privileges} ON ${object} FROM ${role};`).join(" ")} see also ALTER DEFAULT PRIVILEGES (\\ddp in psql)`,
  );
}
