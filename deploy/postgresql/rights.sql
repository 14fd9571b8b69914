-- Roles of the daemons and of decoders, each with the least that it needs. Run it as a superuser, in the database, after
-- `stellarindex migrate up`; again after each upgrade: it changes only what is missing. psql 14 or later.
--
--   READER_PASSWORD=… DECODER_PASSWORD=… psql SUPERUSER_URL -f rights.sql
\set ON_ERROR_STOP on
\getenv reader_password READER_PASSWORD
\getenv decoder_password DECODER_PASSWORD
\if :{?decoder_password}
\else
DO $$ BEGIN RAISE EXCEPTION 'READER_PASSWORD and DECODER_PASSWORD must be in the environment'; END $$;
\endif

BEGIN;

SELECT 'CREATE ROLE stellarindex_reader LOGIN' WHERE to_regrole('stellarindex_reader') IS NULL \gexec
SELECT 'CREATE ROLE stellarindex_decoder LOGIN' WHERE to_regrole('stellarindex_decoder') IS NULL \gexec
ALTER ROLE stellarindex_reader PASSWORD :'reader_password';
ALTER ROLE stellarindex_decoder PASSWORD :'decoder_password';

-- Fails before `stellarindex migrate up` has made the tables in this database.
-- The aggregator and the API write nothing here.
ALTER ROLE stellarindex_reader SET default_transaction_read_only = on;
GRANT SELECT ON trades, trades_1m, trades_1h, retention_horizons, stellarindex_migrations TO stellarindex_reader;

-- The rollups are written by a trigger with its owner's rights.
GRANT INSERT ON trades TO stellarindex_decoder;

-- Nobody else comes in. Temporary tables are for decoders that COPY (docs/decoders.md).
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO stellarindex_reader', current_database()) \gexec
SELECT format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO stellarindex_decoder', current_database()) \gexec

COMMIT;
