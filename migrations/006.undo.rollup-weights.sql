-- The function of migration 3 again, without the columns. Whoever writes trades waits for it.
LOCK TABLE ONLY trades IN SHARE ROW EXCLUSIVE MODE;
ALTER TABLE trades_1m
  DROP COLUMN quote_price_sum,
  DROP COLUMN quote_price_square_sum,
  DROP COLUMN imprecise_count,
  DROP COLUMN forming_open_ts,
  DROP COLUMN forming_open_trade_id,
  DROP COLUMN forming_open_price,
  DROP COLUMN forming_high_price,
  DROP COLUMN forming_low_price,
  DROP COLUMN forming_close_ts,
  DROP COLUMN forming_close_trade_id,
  DROP COLUMN forming_close_price;
ALTER TABLE trades_1h
  DROP COLUMN quote_price_sum,
  DROP COLUMN quote_price_square_sum,
  DROP COLUMN imprecise_count,
  DROP COLUMN forming_open_ts,
  DROP COLUMN forming_open_trade_id,
  DROP COLUMN forming_open_price,
  DROP COLUMN forming_high_price,
  DROP COLUMN forming_low_price,
  DROP COLUMN forming_close_ts,
  DROP COLUMN forming_close_trade_id,
  DROP COLUMN forming_close_price;

-- SECURITY DEFINER: a decoder may insert trades and nothing else. date_bin from the epoch: no session time zone matters.
CREATE OR REPLACE FUNCTION trades_add_to_rollups() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  horizon timestamptz;
BEGIN
  -- A statement of its own: the horizon is then read with a snapshot from after any pruning that held the lock.
  LOCK TABLE retention_horizons IN ACCESS SHARE MODE;
  SELECT complete_from INTO horizon FROM retention_horizons WHERE table_name = 'trades';
  IF horizon > '-infinity' AND EXISTS (SELECT FROM inserted WHERE ts < horizon) THEN
    RAISE EXCEPTION 'trades from before % have been pruned: a trade from then cannot be added', horizon
      USING ERRCODE = 'check_violation', HINT = 'Leave out trades from before that time';
  END IF;

  -- Grouped in key order, so that sorting for the upserts finds everything in place.
  WITH minutes AS MATERIALIZED (
    SELECT
      base_asset, quote_asset, date_bin('1 minute', ts, timestamptz '1970-01-01 00:00:00+00') AS bucket, source,
      count(*) AS trade_count,
      sum(base_amount) AS base_volume,
      sum(quote_amount) AS quote_volume,
      sum(price) AS price_sum,
      sum(price * price) AS price_square_sum,
      min(price) AS price_min,
      max(price) AS price_max,
      min(ts) AS open_ts,
      max(ts) AS close_ts,
      -- One sorted list per group: its ends are the opening and the closing trade.
      array_agg(ARRAY[trade_id, price::text] ORDER BY ts, length(trade_id), trade_id) AS ordered
    FROM inserted
    GROUP BY 1, 2, 3, 4
  ),
  hours AS (
    SELECT
      base_asset, quote_asset, date_bin('1 hour', bucket, timestamptz '1970-01-01 00:00:00+00') AS bucket, source,
      sum(trade_count) AS trade_count,
      sum(base_volume) AS base_volume,
      sum(quote_volume) AS quote_volume,
      sum(price_sum) AS price_sum,
      sum(price_square_sum) AS price_square_sum,
      min(price_min) AS price_min,
      max(price_max) AS price_max,
      min(open_ts) AS open_ts,
      max(close_ts) AS close_ts,
      count(*) AS minute_count,
      -- Per minute: opening trade and price, closing trade and price.
      array_agg(
        ARRAY[ordered[1][1], ordered[1][2], ordered[trade_count][1], ordered[trade_count][2]] ORDER BY minutes.bucket
      ) AS ends
    FROM minutes
    GROUP BY 1, 2, 3, 4
  ),
  upserted_minutes AS (
    INSERT INTO trades_1m AS stored (
      base_asset, quote_asset, bucket, source, trade_count, base_volume, quote_volume, price_sum, price_square_sum,
      price_min, price_max, open_ts, open_trade_id, open_price, close_ts, close_trade_id, close_price
    )
    SELECT
      base_asset, quote_asset, bucket, source, trade_count, base_volume, quote_volume, price_sum, price_square_sum,
      price_min, price_max, open_ts, ordered[1][1], ordered[1][2]::numeric,
      close_ts, ordered[trade_count][1], ordered[trade_count][2]::numeric
    FROM minutes
    ORDER BY base_asset, quote_asset, bucket, source
    ON CONFLICT (base_asset, quote_asset, bucket, source) DO UPDATE SET
      trade_count = stored.trade_count + excluded.trade_count,
      base_volume = stored.base_volume + excluded.base_volume,
      quote_volume = stored.quote_volume + excluded.quote_volume,
      price_sum = stored.price_sum + excluded.price_sum,
      price_square_sum = stored.price_square_sum + excluded.price_square_sum,
      price_min = least(stored.price_min, excluded.price_min),
      price_max = greatest(stored.price_max, excluded.price_max),
      open_ts = least(stored.open_ts, excluded.open_ts),
      open_trade_id = CASE
        WHEN (excluded.open_ts, length(excluded.open_trade_id), excluded.open_trade_id)
          < (stored.open_ts, length(stored.open_trade_id), stored.open_trade_id)
        THEN excluded.open_trade_id ELSE stored.open_trade_id
      END,
      open_price = CASE
        WHEN (excluded.open_ts, length(excluded.open_trade_id), excluded.open_trade_id)
          < (stored.open_ts, length(stored.open_trade_id), stored.open_trade_id)
        THEN excluded.open_price ELSE stored.open_price
      END,
      close_ts = greatest(stored.close_ts, excluded.close_ts),
      close_trade_id = CASE
        WHEN (excluded.close_ts, length(excluded.close_trade_id), excluded.close_trade_id)
          > (stored.close_ts, length(stored.close_trade_id), stored.close_trade_id)
        THEN excluded.close_trade_id ELSE stored.close_trade_id
      END,
      close_price = CASE
        WHEN (excluded.close_ts, length(excluded.close_trade_id), excluded.close_trade_id)
          > (stored.close_ts, length(stored.close_trade_id), stored.close_trade_id)
        THEN excluded.close_price ELSE stored.close_price
      END
  )
  INSERT INTO trades_1h AS stored (
    base_asset, quote_asset, bucket, source, trade_count, base_volume, quote_volume, price_sum, price_square_sum,
    price_min, price_max, open_ts, open_trade_id, open_price, close_ts, close_trade_id, close_price
  )
  SELECT
    base_asset, quote_asset, bucket, source, trade_count, base_volume, quote_volume, price_sum, price_square_sum,
    price_min, price_max, open_ts, ends[1][1], ends[1][2]::numeric,
    close_ts, ends[minute_count][3], ends[minute_count][4]::numeric
  FROM hours
  ORDER BY base_asset, quote_asset, bucket, source
  ON CONFLICT (base_asset, quote_asset, bucket, source) DO UPDATE SET
    trade_count = stored.trade_count + excluded.trade_count,
    base_volume = stored.base_volume + excluded.base_volume,
    quote_volume = stored.quote_volume + excluded.quote_volume,
    price_sum = stored.price_sum + excluded.price_sum,
    price_square_sum = stored.price_square_sum + excluded.price_square_sum,
    price_min = least(stored.price_min, excluded.price_min),
    price_max = greatest(stored.price_max, excluded.price_max),
    open_ts = least(stored.open_ts, excluded.open_ts),
    open_trade_id = CASE
      WHEN (excluded.open_ts, length(excluded.open_trade_id), excluded.open_trade_id)
        < (stored.open_ts, length(stored.open_trade_id), stored.open_trade_id)
      THEN excluded.open_trade_id ELSE stored.open_trade_id
    END,
    open_price = CASE
      WHEN (excluded.open_ts, length(excluded.open_trade_id), excluded.open_trade_id)
        < (stored.open_ts, length(stored.open_trade_id), stored.open_trade_id)
      THEN excluded.open_price ELSE stored.open_price
    END,
    close_ts = greatest(stored.close_ts, excluded.close_ts),
    close_trade_id = CASE
      WHEN (excluded.close_ts, length(excluded.close_trade_id), excluded.close_trade_id)
        > (stored.close_ts, length(stored.close_trade_id), stored.close_trade_id)
      THEN excluded.close_trade_id ELSE stored.close_trade_id
    END,
    close_price = CASE
      WHEN (excluded.close_ts, length(excluded.close_trade_id), excluded.close_trade_id)
        > (stored.close_ts, length(stored.close_trade_id), stored.close_trade_id)
      THEN excluded.close_price ELSE stored.close_price
    END;
  RETURN NULL;
END
$$;
