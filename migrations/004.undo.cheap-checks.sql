ALTER TABLE trades
  DROP CONSTRAINT trades_base_asset_form,
  DROP CONSTRAINT trades_quote_asset_form,
  DROP CONSTRAINT trades_source_form;
ALTER TABLE trades
  ADD CONSTRAINT trades_base_asset_form CHECK (
    base_asset ~ '^(native|crypto:[A-Za-z0-9]{1,12}|fiat:[A-Z]{3}|[A-Za-z0-9]{1,12}-G[A-Z2-7]{55}|C[A-Z2-7]{55})$'
  ) NOT VALID,
  ADD CONSTRAINT trades_quote_asset_form CHECK (
    quote_asset ~ '^(native|crypto:[A-Za-z0-9]{1,12}|fiat:[A-Z]{3}|[A-Za-z0-9]{1,12}-G[A-Z2-7]{55}|C[A-Z2-7]{55})$'
  ) NOT VALID,
  ADD CONSTRAINT trades_source_form CHECK (source ~ '^[a-z0-9][a-z0-9._-]{0,63}$') NOT VALID;
