-- Creates the roles of the daemons and of decoders, each with the minimum of rights. Run it as a superuser, or on a managed
-- server as the master user that ran owner.sql, in the database, after `stellarindex migrate up`, and again after each upgrade,
-- without passwords: it only adds what is missing. It needs psql 14 or later.
--
--   READER_PASSWORD=… DECODER_PASSWORD=… CONTROL_PASSWORD=… psql SUPERUSER_URL -f rights.sql
--
-- With GATEWAY_PASSWORD it also makes the role of the gateway, and with DELIVER_PASSWORD that of the daemon that delivers events.
--
-- A new role gets the password of its variable. An existing role keeps its password, unless its variable is set.
-- Without CONTROL_PASSWORD the role of the control daemon is not made; only the control daemon needs it.
\set ON_ERROR_STOP on
-- Other roles may still be able to create objects in schema public: this script, run as a superuser, must not call them.
SET search_path = pg_catalog, pg_temp;
\set reader_password ''
\set decoder_password ''
\set control_password ''
\set gateway_password ''
\set deliver_password ''
\getenv reader_password READER_PASSWORD
\getenv decoder_password DECODER_PASSWORD
\getenv control_password CONTROL_PASSWORD
\getenv gateway_password GATEWAY_PASSWORD
\getenv deliver_password DELIVER_PASSWORD
SELECT to_regrole('stellarindex_reader') IS NULL AND :'reader_password' = ''
  OR to_regrole('stellarindex_decoder') IS NULL AND :'decoder_password' = '' AS lacks_password \gset
\if :lacks_password
DO $$ BEGIN RAISE EXCEPTION 'READER_PASSWORD and DECODER_PASSWORD must be in the environment to make the roles'; END $$;
\endif

BEGIN;

SELECT 'CREATE ROLE stellarindex_reader LOGIN' WHERE to_regrole('stellarindex_reader') IS NULL \gexec
SELECT 'CREATE ROLE stellarindex_decoder LOGIN' WHERE to_regrole('stellarindex_decoder') IS NULL \gexec
SELECT 'CREATE ROLE stellarindex_control LOGIN'
WHERE to_regrole('stellarindex_control') IS NULL AND :'control_password' <> '' \gexec
SELECT format('ALTER ROLE stellarindex_reader PASSWORD %L', :'reader_password') WHERE :'reader_password' <> '' \gexec
SELECT format('ALTER ROLE stellarindex_decoder PASSWORD %L', :'decoder_password') WHERE :'decoder_password' <> '' \gexec
SELECT format('ALTER ROLE stellarindex_control PASSWORD %L', :'control_password') WHERE :'control_password' <> '' \gexec
SELECT to_regrole('stellarindex_control') IS NOT NULL AS has_control \gset

-- This fails if `stellarindex migrate up` has not created the tables in this database yet.
-- The aggregator and the API do not write to the database.
ALTER ROLE stellarindex_reader SET default_transaction_read_only = on;
GRANT SELECT ON public.trades, public.trades_1m, public.trades_1h, public.retention_horizons,
  public.stellarindex_migrations TO stellarindex_reader;
-- What is collected, and of which time it is complete, is shown beside prices.
GRANT USAGE ON SCHEMA control TO stellarindex_reader;
GRANT SELECT ON control.feeds, control.coverage, control.watermarks TO stellarindex_reader;

-- A trigger with its owner's rights writes the rollups.
GRANT INSERT ON public.trades TO stellarindex_decoder;

-- The control daemon keeps the ledger, whose history and audit log it may only add to, and sees no trades.
\if :has_control
GRANT USAGE ON SCHEMA control TO stellarindex_control;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA control TO stellarindex_control;
REVOKE UPDATE, DELETE ON control.job_history, control.audit_log FROM stellarindex_control;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA control TO stellarindex_control;
GRANT SELECT ON public.stellarindex_migrations TO stellarindex_control;
\endif

-- Nobody may create functions that commands of the owner could call instead of built-in ones. Databases upgraded from
-- PostgreSQL 14 and earlier allow it to everybody.
REVOKE CREATE ON SCHEMA public FROM PUBLIC, stellarindex_reader, stellarindex_decoder;
GRANT USAGE ON SCHEMA public TO stellarindex_reader, stellarindex_decoder;

-- No other role may connect. Decoders that COPY need temporary tables (docs/decoders.md).
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO stellarindex_reader', current_database()) \gexec
SELECT format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO stellarindex_decoder', current_database()) \gexec
\if :has_control
REVOKE CREATE ON SCHEMA public FROM stellarindex_control;
GRANT USAGE ON SCHEMA public TO stellarindex_control;
SELECT format('GRANT CONNECT ON DATABASE %I TO stellarindex_control', current_database()) \gexec
\endif

-- The gateway writes trades, records events with their deliveries, which are jobs, and keeps what it could not store.
SELECT 'CREATE ROLE stellarindex_gateway LOGIN'
  WHERE to_regrole('stellarindex_gateway') IS NULL AND :'gateway_password' <> '' \gexec
SELECT format('ALTER ROLE stellarindex_gateway PASSWORD %L', :'gateway_password') WHERE :'gateway_password' <> '' \gexec
SELECT to_regrole('stellarindex_gateway') IS NOT NULL AS has_gateway \gset
\if :has_gateway
GRANT SELECT, INSERT ON public.trades TO stellarindex_gateway;
GRANT SELECT ON public.trades_1m, public.trades_1h, public.retention_horizons, public.stellarindex_migrations
  TO stellarindex_gateway;
REVOKE CREATE ON SCHEMA public FROM stellarindex_gateway;
GRANT USAGE ON SCHEMA public, ingest TO stellarindex_gateway;
GRANT SELECT, INSERT, DELETE ON ingest.quarantine, ingest.idempotency_keys TO stellarindex_gateway;
GRANT USAGE ON SCHEMA events, control TO stellarindex_gateway;
GRANT SELECT, INSERT ON events.events, events.conflicts, events.deliveries TO stellarindex_gateway;
GRANT SELECT ON events.destinations TO stellarindex_gateway;
GRANT SELECT, INSERT, UPDATE ON events.order_heads TO stellarindex_gateway;
GRANT SELECT, INSERT ON control.lanes, control.jobs, control.dag_edges, control.job_history TO stellarindex_gateway;
-- It opens lanes. A right to update is also what a lock of a row needs; no job is changed.
GRANT UPDATE (is_open, opened_at) ON control.lanes TO stellarindex_gateway;
GRANT UPDATE (progress) ON control.jobs TO stellarindex_gateway;
GRANT SELECT ON control.pauses, control.throttles TO stellarindex_gateway;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA control TO stellarindex_gateway;
SELECT format('GRANT CONNECT ON DATABASE %I TO stellarindex_gateway', current_database()) \gexec
\endif

-- Whoever delivers events declares the destinations, records the index's own events, which it finds in prices, incidents and
-- coverage, does the jobs that are deliveries, and moves old data to the archive. It returns jobs of any kind that a lost
-- worker held, and removes none.
SELECT 'CREATE ROLE stellarindex_deliver LOGIN'
  WHERE to_regrole('stellarindex_deliver') IS NULL AND :'deliver_password' <> '' \gexec
SELECT format('ALTER ROLE stellarindex_deliver PASSWORD %L', :'deliver_password') WHERE :'deliver_password' <> '' \gexec
SELECT to_regrole('stellarindex_deliver') IS NOT NULL AS has_deliver \gset
\if :has_deliver
REVOKE CREATE ON SCHEMA public FROM stellarindex_deliver;
GRANT USAGE ON SCHEMA public, events, control TO stellarindex_deliver;
GRANT SELECT ON public.trades, public.trades_1m, public.trades_1h, public.retention_horizons, public.stellarindex_migrations
  TO stellarindex_deliver;
GRANT SELECT, INSERT ON events.events, events.conflicts, events.deliveries TO stellarindex_deliver;
GRANT UPDATE (body, archived_as) ON events.events TO stellarindex_deliver;
GRANT SELECT, INSERT, UPDATE ON events.destinations TO stellarindex_deliver;
GRANT SELECT, INSERT, UPDATE, DELETE ON events.order_heads TO stellarindex_deliver;
GRANT SELECT ON control.tenants, control.pauses, control.blackouts, control.feeds, control.coverage, control.watermarks,
  control.incidents TO stellarindex_deliver;
GRANT SELECT, INSERT ON control.lanes, control.job_history, control.dead_letters TO stellarindex_deliver;
GRANT SELECT, INSERT, UPDATE ON control.jobs, control.sources, control.throttles, control.daily_starts TO stellarindex_deliver;
GRANT SELECT, INSERT, DELETE ON control.dag_edges TO stellarindex_deliver;
GRANT UPDATE (is_open, opened_at) ON control.lanes TO stellarindex_deliver;
-- A claim locks the row of its tenant, for which it needs a right to update: that of a column that nothing depends on.
GRANT UPDATE (created_at) ON control.tenants TO stellarindex_deliver;
-- A destination that says that it is gone is paused, and the audit log says so.
GRANT INSERT ON control.pauses, control.audit_log TO stellarindex_deliver;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA control TO stellarindex_deliver;
SELECT format('GRANT CONNECT ON DATABASE %I TO stellarindex_deliver', current_database()) \gexec
\endif

COMMIT;
