DROP TABLE trades;
DROP FUNCTION trades_refuse_change();
