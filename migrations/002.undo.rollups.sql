-- Rollups of pruned trades could not be made again, and what was pruned would be forgotten.
DO $$
BEGIN
  IF EXISTS (SELECT FROM retention_horizons WHERE isfinite(complete_from)) THEN
    RAISE EXCEPTION 'retention has removed rows: the rollups are the only memory of them and cannot be undone';
  END IF;
END
$$;
-- What migrate adds where TimescaleDB is there.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
    PERFORM delete_job(job_id) FROM timescaledb_information.jobs WHERE proc_name = 'stellarindex_expire';
  END IF;
END
$$;
DROP PROCEDURE IF EXISTS stellarindex_expire(integer, jsonb);
DROP TRIGGER trades_keep_rollups ON trades;
DROP FUNCTION trades_add_to_rollups();
DROP TABLE trades_1h;
DROP TABLE trades_1m;
DROP TABLE retention_horizons;
