-- Raw trades: the contract with decoders (docs/decoders.md). Append-only; a bad row is refused here, not by good will.
CREATE TABLE trades (
  base_asset text COLLATE "C" NOT NULL,
  quote_asset text COLLATE "C" NOT NULL,
  ts timestamptz NOT NULL,
  source text COLLATE "C" NOT NULL,
  trade_id text COLLATE "C" NOT NULL,
  base_amount numeric NOT NULL,
  quote_amount numeric NOT NULL,
  -- PostgreSQL's own / takes its scale from how the operands are written; this is the same for equal ratios.
  -- It is computed before the checks run: a zero has to get as far as the check that names it.
  price numeric NOT NULL GENERATED ALWAYS AS (
    trim_scale(div(quote_amount * 1e30, coalesce(nullif(base_amount, 0), 1)) * 1e-30)
  ) STORED,
  ingested_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (base_asset, quote_asset, ts, source, trade_id),
  CONSTRAINT trades_base_asset_form CHECK (
    base_asset ~ '^(native|crypto:[A-Za-z0-9]{1,12}|fiat:[A-Z]{3}|[A-Za-z0-9]{1,12}-G[A-Z2-7]{55}|C[A-Z2-7]{55})$'
  ),
  CONSTRAINT trades_quote_asset_form CHECK (
    quote_asset ~ '^(native|crypto:[A-Za-z0-9]{1,12}|fiat:[A-Z]{3}|[A-Za-z0-9]{1,12}-G[A-Z2-7]{55}|C[A-Z2-7]{55})$'
  ),
  CONSTRAINT trades_two_assets CHECK (base_asset <> quote_asset),
  CONSTRAINT trades_ts_range CHECK (ts >= '0001-01-01 00:00:00+00' AND ts < '10000-01-01 00:00:00+00'),
  CONSTRAINT trades_source_form CHECK (source ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
  CONSTRAINT trades_trade_id_form CHECK (trade_id ~ '^[^[:cntrl:]]+$' AND length(trade_id) <= 256),
  -- NaN and infinity sort above every number, so the upper bound refuses them too.
  CONSTRAINT trades_base_amount_range CHECK (base_amount > 0 AND base_amount < 1e40 AND scale(base_amount) <= 30),
  CONSTRAINT trades_quote_amount_range CHECK (quote_amount > 0 AND quote_amount < 1e40 AND scale(quote_amount) <= 30)
);

COMMENT ON TABLE trades IS 'Raw trades as traded, append-only; amounts in whole units';
COMMENT ON COLUMN trades.price IS 'quote_amount / base_amount, cut at 30 decimals';

CREATE FUNCTION trades_refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  IF current_setting('stellarindex.maintenance', true) IS DISTINCT FROM 'on' THEN
    RAISE EXCEPTION 'trades is append-only: % is refused', TG_OP
      USING ERRCODE = 'restrict_violation', HINT = 'Correct trades with: stellarindex trades delete';
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER trades_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON trades
FOR EACH STATEMENT EXECUTE FUNCTION trades_refuse_change();
