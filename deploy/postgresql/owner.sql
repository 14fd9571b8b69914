-- Creates the owner of the tables and its database on a managed server, whose master user is no superuser. Run it as that user, in
-- the database `postgres`; running it again only sets the password. It needs psql 14 or later.
--
--   OWNER_PASSWORD=… psql MASTER_URL -f owner.sql
--
-- Then `stellarindex migrate up` as the owner, and rights.sql as the master user, in the database `stellarindex`.
\set ON_ERROR_STOP on
\set owner_password ''
\getenv owner_password OWNER_PASSWORD
SELECT :'owner_password' = '' AS lacks_password \gset
\if :lacks_password
DO $$ BEGIN RAISE EXCEPTION 'OWNER_PASSWORD must be in the environment'; END $$;
\endif

SELECT 'CREATE ROLE stellarindex_owner LOGIN' WHERE to_regrole('stellarindex_owner') IS NULL \gexec
SELECT format('ALTER ROLE stellarindex_owner PASSWORD %L', :'owner_password') \gexec

-- Only a member of the owner may grant rights on its tables, as rights.sql does.
SELECT 'GRANT stellarindex_owner TO CURRENT_USER' WHERE NOT pg_has_role('stellarindex_owner', 'USAGE') \gexec

SELECT 'CREATE DATABASE stellarindex OWNER stellarindex_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'stellarindex') \gexec
