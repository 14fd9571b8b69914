-- Roles of the daemons and of decoders, each with the least that it needs. Run it as a superuser, in the database, after
-- `stellarindex migrate up`; again after each upgrade, without passwords: it changes only what is missing. psql 14 or later.
--
--   READER_PASSWORD=… DECODER_PASSWORD=… psql SUPERUSER_URL -f rights.sql
--
-- A role is made with the password of its variable. One that is there keeps its password, unless its variable is given.
\set ON_ERROR_STOP on
-- Until others may no longer create in schema public, nothing of theirs is run here as a superuser.
SET search_path = pg_catalog, pg_temp;
\set reader_password ''
\set decoder_password ''
\getenv reader_password READER_PASSWORD
\getenv decoder_password DECODER_PASSWORD
SELECT to_regrole('stellarindex_reader') IS NULL AND :'reader_password' = ''
  OR to_regrole('stellarindex_decoder') IS NULL AND :'decoder_password' = '' AS lacks_password \gset
\if :lacks_password
DO $$ BEGIN RAISE EXCEPTION 'READER_PASSWORD and DECODER_PASSWORD must be in the environment to make the roles'; END $$;
\endif

BEGIN;

SELECT 'CREATE ROLE stellarindex_reader LOGIN' WHERE to_regrole('stellarindex_reader') IS NULL \gexec
SELECT 'CREATE ROLE stellarindex_decoder LOGIN' WHERE to_regrole('stellarindex_decoder') IS NULL \gexec
SELECT format('ALTER ROLE stellarindex_reader PASSWORD %L', :'reader_password') WHERE :'reader_password' <> '' \gexec
SELECT format('ALTER ROLE stellarindex_decoder PASSWORD %L', :'decoder_password') WHERE :'decoder_password' <> '' \gexec

-- Fails before `stellarindex migrate up` has made the tables in this database.
-- The aggregator and the API write nothing here.
ALTER ROLE stellarindex_reader SET default_transaction_read_only = on;
GRANT SELECT ON public.trades, public.trades_1m, public.trades_1h, public.retention_horizons,
  public.stellarindex_migrations TO stellarindex_reader;

-- The rollups are written by a trigger with its owner's rights.
GRANT INSERT ON public.trades TO stellarindex_decoder;

-- Nobody makes functions that commands of the owner could take for the server's own. Databases that were upgraded from
-- PostgreSQL 14 and before let everybody.
REVOKE CREATE ON SCHEMA public FROM PUBLIC, stellarindex_reader, stellarindex_decoder;
GRANT USAGE ON SCHEMA public TO stellarindex_reader, stellarindex_decoder;

-- Nobody else comes in. Temporary tables are for decoders that COPY (docs/decoders.md).
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO stellarindex_reader', current_database()) \gexec
SELECT format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO stellarindex_decoder', current_database()) \gexec

COMMIT;
