-- The functions that triggers run name what they use, and find nothing in a schema where others may create. A function
-- public.date_bin(text, timestamptz, timestamptz) would be taken before the server's own, and run with the owner's rights.

-- What is parsed here already finds the server's own only.
SET LOCAL search_path = pg_catalog, pg_temp;

ALTER FUNCTION public.trades_refuse_change() SET search_path = pg_catalog, pg_temp;

-- Bound to functions and operators when it is made: the same again, so that it is bound to the server's own.
CREATE OR REPLACE FUNCTION public.forms_price(
  source text, base_asset text, quote_asset text, base_amount numeric, quote_amount numeric
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- 1/base + 1/quote <= 1/(1000 units), without the division. Ledger assets, which have no colon, trade on Stellar only.
RETURN CASE
  WHEN least(base_amount, quote_amount) >= 0.0002 THEN true
  WHEN source IN ('aquarius', 'comet', 'phoenix', 'sdex', 'soroswap')
    OR strpos(base_asset, ':') = 0 OR strpos(quote_asset, ':') = 0
  THEN base_amount * quote_amount >= (base_amount + quote_amount) * 0.0001
  ELSE base_amount * quote_amount >= (base_amount + quote_amount) * 0.00001
END;

-- SECURITY DEFINER: a decoder may insert trades and nothing else. date_bin from the epoch: no session time zone matters.
CREATE OR REPLACE FUNCTION public.trades_add_to_rollups() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  horizon timestamptz;
BEGIN
  -- A statement of its own: under READ COMMITTED the horizon is then read with a snapshot from after any pruning that held
  -- the lock.
  LOCK TABLE public.retention_horizons IN ACCESS SHARE MODE;
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
    -- The snapshot is the transaction's and may be older. To lock a row that was changed since is refused (40001).
    SELECT complete_from INTO horizon FROM public.retention_horizons WHERE table_name = 'trades' FOR SHARE;
  ELSE
    SELECT complete_from INTO horizon FROM public.retention_horizons WHERE table_name = 'trades';
  END IF;
  IF horizon > '-infinity' AND EXISTS (SELECT FROM inserted WHERE ts < horizon) THEN
    RAISE EXCEPTION 'trades from before % have been pruned: a trade from then cannot be added', horizon
      USING ERRCODE = 'check_violation', HINT = 'Leave out trades from before that time';
  END IF;

  -- Where all trades of a group form a price, as nearly always, nothing is looked at one by one. array_agg goes by the
  -- order of the sorted rows that it is given, so that no group is sorted by itself.
  WITH placed AS (
    SELECT *,
      -- Where the first and the last of those that form a price are, and their least and greatest price.
      CASE WHEN imprecise_count > 0 THEN (
        SELECT ARRAY[min(place) / 2, max(place) / 2, min(value::numeric), max(value::numeric)]
        FROM unnest(ordered) WITH ORDINALITY AS element (value, place)
        WHERE place % 2 = 0 AND NOT starts_with(value, '-')
      ) END AS forming
    FROM (
      SELECT
        base_asset, quote_asset, bucket, source,
        count(*) AS trade_count,
        count(*) FILTER (WHERE NOT forms) AS imprecise_count,
        sum(base_amount) AS base_volume,
        sum(quote_amount) AS quote_volume,
        sum(price) AS price_sum,
        sum(price * price) AS price_square_sum,
        sum(quote_price) AS quote_price_sum,
        sum(quote_price * price) AS quote_price_square_sum,
        min(price) AS price_min,
        max(price) AS price_max,
        min(ts) AS open_ts,
        max(ts) AS close_ts,
        min(ts) FILTER (WHERE forms) AS forming_open_ts,
        max(ts) FILTER (WHERE forms) AS forming_close_ts,
        -- Its ends are the opening and the closing trade. A minus marks a trade that forms no price.
        array_agg(ARRAY[trade_id, CASE WHEN forms THEN price::text ELSE '-' || price::text END]) AS ordered
      FROM (
        SELECT *,
          date_bin('1 minute', ts, timestamptz '1970-01-01 00:00:00+00') AS bucket,
          quote_amount * price AS quote_price,
          public.forms_price(source, base_asset, quote_asset, base_amount, quote_amount) AS forms
        FROM inserted
        ORDER BY base_asset, quote_asset, bucket, source, ts, length(trade_id), trade_id
      ) AS trade
      GROUP BY base_asset, quote_asset, bucket, source
    ) AS grouped
    OFFSET 0
  ),
  minutes AS MATERIALIZED (
    SELECT
      base_asset, quote_asset, bucket, source, trade_count, imprecise_count, base_volume, quote_volume,
      price_sum, price_square_sum, quote_price_sum, quote_price_square_sum, price_min, price_max, open_ts, close_ts,
      forming_open_ts, forming_close_ts,
      CASE WHEN imprecise_count = 0 THEN price_min ELSE forming[3] END AS forming_low_price,
      CASE WHEN imprecise_count = 0 THEN price_max ELSE forming[4] END AS forming_high_price,
      -- Opening trade and price, closing trade and price: of all trades, then of those that form a price. There NULL is
      -- "the same", and the empty text "none".
      CASE
        WHEN imprecise_count = 0 THEN ARRAY[
          ordered[1][1], ordered[1][2], ordered[trade_count][1], ordered[trade_count][2], NULL, NULL, NULL, NULL
        ]
        ELSE ARRAY[
          ordered[1][1], ltrim(ordered[1][2], '-'), ordered[trade_count][1], ltrim(ordered[trade_count][2], '-'),
          coalesce(ordered[forming[1]::bigint][1], ''), ordered[forming[1]::bigint][2],
          ordered[forming[2]::bigint][1], ordered[forming[2]::bigint][2]
        ]
      END AS ends
    FROM placed
  ),
  hours AS (
    SELECT *,
      -- The first and the last of its minutes with trades that form a price.
      CASE WHEN imprecise_count > 0 THEN (
        SELECT ARRAY[min(place), max(place)] FROM generate_subscripts(ends, 1) AS place
        WHERE ends[place][5] IS DISTINCT FROM ''
      ) END AS forming
    FROM (
      SELECT
        base_asset, quote_asset, hour AS bucket, source,
        sum(trade_count::int) AS trade_count,
        sum(imprecise_count::int) AS imprecise_count,
        sum(base_volume) AS base_volume,
        sum(quote_volume) AS quote_volume,
        sum(price_sum) AS price_sum,
        sum(price_square_sum) AS price_square_sum,
        sum(quote_price_sum) AS quote_price_sum,
        sum(quote_price_square_sum) AS quote_price_square_sum,
        min(price_min) AS price_min,
        max(price_max) AS price_max,
        min(open_ts) AS open_ts,
        max(close_ts) AS close_ts,
        min(forming_open_ts) AS forming_open_ts,
        max(forming_close_ts) AS forming_close_ts,
        min(forming_low_price) AS forming_low_price,
        max(forming_high_price) AS forming_high_price,
        count(*) AS minute_count,
        array_agg(ends) AS ends
      FROM (
        SELECT *, date_bin('1 hour', bucket, timestamptz '1970-01-01 00:00:00+00') AS hour
        FROM minutes
        ORDER BY base_asset, quote_asset, hour, source, bucket
      ) AS minute
      GROUP BY base_asset, quote_asset, hour, source
    ) AS grouped
    ORDER BY base_asset, quote_asset, bucket, source
  ),
  upserted_minutes AS (
    INSERT INTO public.trades_1m AS stored (
      base_asset, quote_asset, bucket, source, trade_count, base_volume, quote_volume, price_sum, price_square_sum,
      price_min, price_max, open_ts, open_trade_id, open_price, close_ts, close_trade_id, close_price,
      quote_price_sum, quote_price_square_sum, imprecise_count,
      forming_open_ts, forming_open_trade_id, forming_open_price, forming_high_price, forming_low_price,
      forming_close_ts, forming_close_trade_id, forming_close_price
    )
    SELECT
      base_asset, quote_asset, bucket, source, trade_count, base_volume, quote_volume, price_sum, price_square_sum,
      price_min, price_max, open_ts, ends[1], ends[2]::numeric, close_ts, ends[3], ends[4]::numeric,
      quote_price_sum, quote_price_square_sum, imprecise_count,
      CASE WHEN imprecise_count > 0 THEN forming_open_ts END,
      CASE WHEN imprecise_count > 0 THEN nullif(ends[5], '') END,
      CASE WHEN imprecise_count > 0 THEN ends[6]::numeric END,
      CASE WHEN imprecise_count > 0 THEN forming_high_price END,
      CASE WHEN imprecise_count > 0 THEN forming_low_price END,
      CASE WHEN imprecise_count > 0 THEN forming_close_ts END,
      CASE WHEN imprecise_count > 0 THEN ends[7] END,
      CASE WHEN imprecise_count > 0 THEN ends[8]::numeric END
    FROM minutes
    ORDER BY base_asset, quote_asset, bucket, source
    ON CONFLICT (base_asset, quote_asset, bucket, source) DO UPDATE SET
      trade_count = stored.trade_count + excluded.trade_count,
      base_volume = stored.base_volume + excluded.base_volume,
      quote_volume = stored.quote_volume + excluded.quote_volume,
      price_sum = stored.price_sum + excluded.price_sum,
      price_square_sum = stored.price_square_sum + excluded.price_square_sum,
      quote_price_sum = stored.quote_price_sum + excluded.quote_price_sum,
      quote_price_square_sum = stored.quote_price_square_sum + excluded.quote_price_square_sum,
      imprecise_count = stored.imprecise_count + excluded.imprecise_count,
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
      END,
      (
        forming_open_ts, forming_open_trade_id, forming_open_price, forming_high_price, forming_low_price,
        forming_close_ts, forming_close_trade_id, forming_close_price
      ) = (
        SELECT
          least(was_open_ts, new_open_ts),
          CASE WHEN opens THEN new_open_id ELSE was_open_id END,
          CASE WHEN opens THEN new_open_price ELSE was_open_price END,
          greatest(was_high, new_high), least(was_low, new_low), greatest(was_close_ts, new_close_ts),
          CASE WHEN closes THEN new_close_id ELSE was_close_id END,
          CASE WHEN closes THEN new_close_price ELSE was_close_price END
        FROM (
          SELECT *,
            -- Either side may have no trade that forms a price.
            coalesce(
              (new_open_ts, length(new_open_id), new_open_id) < (was_open_ts, length(was_open_id), was_open_id),
              was_open_ts IS NULL
            ) AS opens,
            coalesce(
              (new_close_ts, length(new_close_id), new_close_id) > (was_close_ts, length(was_close_id), was_close_id),
              was_close_ts IS NULL
            ) AS closes
          FROM (
            SELECT
              CASE WHEN stored.imprecise_count = 0 THEN stored.open_ts ELSE stored.forming_open_ts END AS was_open_ts,
              CASE WHEN stored.imprecise_count = 0 THEN stored.open_trade_id ELSE stored.forming_open_trade_id END AS was_open_id,
              CASE WHEN stored.imprecise_count = 0 THEN stored.open_price ELSE stored.forming_open_price END AS was_open_price,
              CASE WHEN stored.imprecise_count = 0 THEN stored.price_max ELSE stored.forming_high_price END AS was_high,
              CASE WHEN stored.imprecise_count = 0 THEN stored.price_min ELSE stored.forming_low_price END AS was_low,
              CASE WHEN stored.imprecise_count = 0 THEN stored.close_ts ELSE stored.forming_close_ts END AS was_close_ts,
              CASE WHEN stored.imprecise_count = 0 THEN stored.close_trade_id ELSE stored.forming_close_trade_id END AS was_close_id,
              CASE WHEN stored.imprecise_count = 0 THEN stored.close_price ELSE stored.forming_close_price END AS was_close_price,
              CASE WHEN excluded.imprecise_count = 0 THEN excluded.open_ts ELSE excluded.forming_open_ts END AS new_open_ts,
              CASE WHEN excluded.imprecise_count = 0 THEN excluded.open_trade_id ELSE excluded.forming_open_trade_id END AS new_open_id,
              CASE WHEN excluded.imprecise_count = 0 THEN excluded.open_price ELSE excluded.forming_open_price END AS new_open_price,
              CASE WHEN excluded.imprecise_count = 0 THEN excluded.price_max ELSE excluded.forming_high_price END AS new_high,
              CASE WHEN excluded.imprecise_count = 0 THEN excluded.price_min ELSE excluded.forming_low_price END AS new_low,
              CASE WHEN excluded.imprecise_count = 0 THEN excluded.close_ts ELSE excluded.forming_close_ts END AS new_close_ts,
              CASE WHEN excluded.imprecise_count = 0 THEN excluded.close_trade_id ELSE excluded.forming_close_trade_id END AS new_close_id,
              CASE WHEN excluded.imprecise_count = 0 THEN excluded.close_price ELSE excluded.forming_close_price END AS new_close_price
          ) AS of_either
          OFFSET 0
        ) AS ends
        WHERE stored.imprecise_count + excluded.imprecise_count > 0
      )
  )
  INSERT INTO public.trades_1h AS stored (
    base_asset, quote_asset, bucket, source, trade_count, base_volume, quote_volume, price_sum, price_square_sum,
    price_min, price_max, open_ts, open_trade_id, open_price, close_ts, close_trade_id, close_price,
    quote_price_sum, quote_price_square_sum, imprecise_count,
    forming_open_ts, forming_open_trade_id, forming_open_price, forming_high_price, forming_low_price,
    forming_close_ts, forming_close_trade_id, forming_close_price
  )
  SELECT
    base_asset, quote_asset, bucket, source, trade_count, base_volume, quote_volume, price_sum, price_square_sum,
    price_min, price_max, open_ts, ends[1][1], ends[1][2]::numeric,
    close_ts, ends[minute_count][3], ends[minute_count][4]::numeric,
    quote_price_sum, quote_price_square_sum, imprecise_count,
    CASE WHEN imprecise_count > 0 THEN forming_open_ts END,
    CASE WHEN imprecise_count > 0 THEN coalesce(ends[forming[1]][5], ends[forming[1]][1]) END,
    CASE WHEN imprecise_count > 0 THEN coalesce(ends[forming[1]][6], ends[forming[1]][2])::numeric END,
    CASE WHEN imprecise_count > 0 THEN forming_high_price END,
    CASE WHEN imprecise_count > 0 THEN forming_low_price END,
    CASE WHEN imprecise_count > 0 THEN forming_close_ts END,
    CASE WHEN imprecise_count > 0 THEN coalesce(ends[forming[2]][7], ends[forming[2]][3]) END,
    CASE WHEN imprecise_count > 0 THEN coalesce(ends[forming[2]][8], ends[forming[2]][4])::numeric END
  FROM hours
  ORDER BY base_asset, quote_asset, bucket, source
  ON CONFLICT (base_asset, quote_asset, bucket, source) DO UPDATE SET
    trade_count = stored.trade_count + excluded.trade_count,
    base_volume = stored.base_volume + excluded.base_volume,
    quote_volume = stored.quote_volume + excluded.quote_volume,
    price_sum = stored.price_sum + excluded.price_sum,
    price_square_sum = stored.price_square_sum + excluded.price_square_sum,
    quote_price_sum = stored.quote_price_sum + excluded.quote_price_sum,
    quote_price_square_sum = stored.quote_price_square_sum + excluded.quote_price_square_sum,
    imprecise_count = stored.imprecise_count + excluded.imprecise_count,
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
    END,
    (
      forming_open_ts, forming_open_trade_id, forming_open_price, forming_high_price, forming_low_price,
      forming_close_ts, forming_close_trade_id, forming_close_price
    ) = (
      SELECT
        least(was_open_ts, new_open_ts),
        CASE WHEN opens THEN new_open_id ELSE was_open_id END,
        CASE WHEN opens THEN new_open_price ELSE was_open_price END,
        greatest(was_high, new_high), least(was_low, new_low), greatest(was_close_ts, new_close_ts),
        CASE WHEN closes THEN new_close_id ELSE was_close_id END,
        CASE WHEN closes THEN new_close_price ELSE was_close_price END
      FROM (
        SELECT *,
          -- Either side may have no trade that forms a price.
          coalesce(
            (new_open_ts, length(new_open_id), new_open_id) < (was_open_ts, length(was_open_id), was_open_id),
            was_open_ts IS NULL
          ) AS opens,
          coalesce(
            (new_close_ts, length(new_close_id), new_close_id) > (was_close_ts, length(was_close_id), was_close_id),
            was_close_ts IS NULL
          ) AS closes
        FROM (
          SELECT
            CASE WHEN stored.imprecise_count = 0 THEN stored.open_ts ELSE stored.forming_open_ts END AS was_open_ts,
            CASE WHEN stored.imprecise_count = 0 THEN stored.open_trade_id ELSE stored.forming_open_trade_id END AS was_open_id,
            CASE WHEN stored.imprecise_count = 0 THEN stored.open_price ELSE stored.forming_open_price END AS was_open_price,
            CASE WHEN stored.imprecise_count = 0 THEN stored.price_max ELSE stored.forming_high_price END AS was_high,
            CASE WHEN stored.imprecise_count = 0 THEN stored.price_min ELSE stored.forming_low_price END AS was_low,
            CASE WHEN stored.imprecise_count = 0 THEN stored.close_ts ELSE stored.forming_close_ts END AS was_close_ts,
            CASE WHEN stored.imprecise_count = 0 THEN stored.close_trade_id ELSE stored.forming_close_trade_id END AS was_close_id,
            CASE WHEN stored.imprecise_count = 0 THEN stored.close_price ELSE stored.forming_close_price END AS was_close_price,
            CASE WHEN excluded.imprecise_count = 0 THEN excluded.open_ts ELSE excluded.forming_open_ts END AS new_open_ts,
            CASE WHEN excluded.imprecise_count = 0 THEN excluded.open_trade_id ELSE excluded.forming_open_trade_id END AS new_open_id,
            CASE WHEN excluded.imprecise_count = 0 THEN excluded.open_price ELSE excluded.forming_open_price END AS new_open_price,
            CASE WHEN excluded.imprecise_count = 0 THEN excluded.price_max ELSE excluded.forming_high_price END AS new_high,
            CASE WHEN excluded.imprecise_count = 0 THEN excluded.price_min ELSE excluded.forming_low_price END AS new_low,
            CASE WHEN excluded.imprecise_count = 0 THEN excluded.close_ts ELSE excluded.forming_close_ts END AS new_close_ts,
            CASE WHEN excluded.imprecise_count = 0 THEN excluded.close_trade_id ELSE excluded.forming_close_trade_id END AS new_close_id,
            CASE WHEN excluded.imprecise_count = 0 THEN excluded.close_price ELSE excluded.forming_close_price END AS new_close_price
        ) AS of_either
        OFFSET 0
      ) AS ends
      WHERE stored.imprecise_count + excluded.imprecise_count > 0
    );
  RETURN NULL;
END
$$;

SET LOCAL search_path = DEFAULT;
