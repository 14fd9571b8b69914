DROP TRIGGER trades_keep_rollups ON trades;
DROP FUNCTION trades_add_to_rollups();
DROP TABLE trades_1h;
DROP TABLE trades_1m;
DROP TABLE retention_horizons;
