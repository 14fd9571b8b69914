import type { Sql } from "../connection/pool.ts";

/** The privileges that one role, or PUBLIC, has on one table or function. */
export interface Grant {
  readonly role: string;
  /** Comma-separated privilege names. */
  readonly privileges: string;
  readonly object: string;
  /** Whether this is only the INSERT on trades that decoders need; such a grant has a row of its own. */
  readonly addsTrades: boolean;
}

/** Returns every privilege beyond SELECT on the tables and the trigger function that an untrusted role holds. */
export async function readGrants(sql: Sql): Promise<Grant[]> {
  const rows = await sql<{ role: string; object: string; privileges: string; adds_trades: boolean }[]>`
    WITH trusted AS (
      ${trustedRoles(sql)}
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
  return rows.map(({ adds_trades, ...grant }) => ({ ...grant, addsTrades: adds_trades }));
}

/** Returns the untrusted roles that may create objects in schema public. */
export async function readSchemaCreators(sql: Sql): Promise<string[]> {
  const rows = await sql<{ role: string }[]>`
    SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::pg_catalog.regrole::text END AS role
    FROM pg_catalog.pg_namespace CROSS JOIN LATERAL pg_catalog.aclexplode(nspacl)
    WHERE nspname = 'public'::name AND privilege_type = 'CREATE'::text AND grantee <> nspowner
      AND grantee NOT IN (
        ${trustedRoles(sql)}
      )
    ORDER BY role`;
  return rows.map(({ role }) => role);
}

/** Selects superusers and the owners of the schema, the database and the tables: they have every privilege anyway. */
const trustedRoles = (sql: Sql) => sql`
    SELECT oid FROM pg_catalog.pg_roles WHERE rolsuper OR rolname = 'pg_database_owner'::name
    UNION SELECT datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
    UNION SELECT relowner FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass('public.trades'::text)`;
