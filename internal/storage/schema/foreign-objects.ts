import type { Database } from "../connection/database.ts";
import { DatabaseUnusable } from "../connection/errors.ts";
import type { Sql } from "../connection/pool.ts";
import { inTransaction } from "../connection/transaction.ts";

/** An object of an untrusted role that our statements could call, fire or write to. */
export interface ForeignObject {
  readonly what: string;
  /** How to remove it. */
  readonly cure: string;
}

/**
 * Returns objects of untrusted roles in schema public that would be used instead of the intended ones. For example, a
 * function `public.date_bin(text, timestamptz, timestamptz)` is preferred to the built-in one for untyped literals, and
 * runs with the caller's privileges. Trusted are superusers, the owners of database and tables, and the session's role.
 */
export function findForeignObjects({ sql }: Pick<Database, "sql">): Promise<ForeignObject[]> {
  return inTransaction(sql, "READ ONLY", async (transaction) => {
    // Keeps foreign objects out of this query itself.
    await transaction`SET LOCAL search_path = pg_catalog, pg_temp`;
    return readForeignObjects(transaction);
  });
}

/**
 * Refuses to continue with the owner's privileges, or to create the tables, if there are foreign objects, which could
 * abuse these privileges.
 * @throws DatabaseUnusable that names the first foreign object and how to remove it
 */
export async function refuseForeignObjects(database: Pick<Database, "sql" | "engine">): Promise<void> {
  // The embedded database has one role.
  if (database.engine === "embedded") return;
  const [role] = await database.sql<{ owns: boolean }[]>`
    SELECT coalesce(pg_catalog.bool_and(pg_catalog.pg_has_role(relowner, 'USAGE'::text)), true) AS owns
    FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass('public.trades'::text)`;
  if (role?.owns !== true) return;
  const [found] = await findForeignObjects(database);
  if (found === undefined) return;
  throw new DatabaseUnusable(`in the schema of the tables there is ${found.what}; ${found.cure}`);
}

async function readForeignObjects(sql: Sql): Promise<ForeignObject[]> {
  const rows = await sql<{ kind: string; name: string; role: string }[]>`
    WITH trusted AS (
      SELECT oid FROM pg_roles WHERE rolsuper OR rolname IN (current_user, 'pg_database_owner')
      UNION SELECT datdba FROM pg_database WHERE datname = current_database()
      UNION SELECT relowner FROM pg_class WHERE oid = to_regclass('public.trades')
    ),
    ours AS (
      SELECT oid, relowner, relname FROM pg_class
      WHERE relnamespace = to_regnamespace('public')
        AND relname IN ('trades', 'trades_1m', 'trades_1h', 'retention_horizons', 'stellarindex_migrations')
    ),
    -- Objects that constraints, generated columns and our own function reference by oid.
    bound AS (
      SELECT refclassid, refobjid FROM pg_depend
      WHERE objid IN (
        SELECT oid FROM ours
        UNION ALL SELECT oid FROM pg_constraint WHERE conrelid IN (SELECT oid FROM ours)
        UNION ALL SELECT oid FROM pg_attrdef WHERE adrelid IN (SELECT oid FROM ours)
        UNION ALL SELECT oid FROM pg_proc WHERE pronamespace = to_regnamespace('public') AND proname = 'forms_price'
      )
    ),
    -- Built-in functions, those of extensions, and ours.
    known AS (
      SELECT proname AS name, oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
      UNION ALL SELECT proname, pg_proc.oid FROM pg_proc
      JOIN pg_depend ON classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
      UNION ALL SELECT proname, oid FROM pg_proc
      WHERE pronamespace = to_regnamespace('public') AND proowner IN (SELECT oid FROM trusted)
    )
    SELECT 'ROUTINE' AS kind, theirs.oid::regprocedure::text AS name, proowner::regrole::text AS role
    FROM pg_proc AS theirs
    WHERE proowner NOT IN (SELECT oid FROM trusted) AND oid NOT IN (SELECT oid FROM known)
      AND (
        pronamespace = to_regnamespace('public') AND proname IN (SELECT name FROM known)
        OR oid IN (SELECT refobjid FROM bound WHERE refclassid = 'pg_proc'::regclass)
      )
    UNION ALL
    SELECT 'OPERATOR', theirs.oid::regoperator::text, oprowner::regrole::text
    FROM pg_operator AS theirs
    WHERE oprowner NOT IN (SELECT oid FROM trusted)
      AND oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_operator'::regclass AND deptype = 'e')
      AND (
        oprnamespace = to_regnamespace('public')
          AND oprname IN (SELECT oprname FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace)
        OR oid IN (SELECT refobjid FROM bound WHERE refclassid = 'pg_operator'::regclass)
      )
    UNION ALL
    -- A trigger runs with the privileges of the role that writes.
    SELECT 'TRIGGER', format('%I ON public.%I', tgname, relname), proowner::regrole::text
    FROM pg_trigger JOIN ours ON ours.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE NOT tgisinternal AND proowner NOT IN (SELECT oid FROM trusted)
      AND tgfoid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'e')
    UNION ALL
    SELECT 'TABLE', format('public.%I', relname), relowner::regrole::text FROM ours
    WHERE relowner NOT IN (SELECT oid FROM trusted)
    ORDER BY kind, name`;
  return rows.map(({ kind, name, role }) =>
    kind === "TRIGGER"
      ? {
          what: `trigger ${name} of role ${role}, which runs with the privileges of the role that writes to the table`,
          cure: `find out who created it, then: DROP ${kind} ${name}; and REVOKE TRIGGER ON ${name.slice(name.indexOf(" ON ") + 4)} FROM PUBLIC, ${role};`,
        }
      : {
          what: `${kind.toLowerCase()} ${name} of role ${role}, which would be used instead of the intended one`,
          cure: `find out who created it, then: DROP ${kind} ${name}; and REVOKE CREATE ON SCHEMA public FROM PUBLIC, ${role};`,
        },
  );
}
