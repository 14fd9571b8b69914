-- The same forms, checked at a fraction of the cost: to match a counted repetition, such as {55}, took longer than all else
-- that an insert does. NOT VALID: the rows that are there have passed the very same forms.
ALTER TABLE trades
  DROP CONSTRAINT trades_base_asset_form,
  DROP CONSTRAINT trades_quote_asset_form,
  DROP CONSTRAINT trades_source_form;
ALTER TABLE trades
  ADD CONSTRAINT trades_base_asset_form CHECK (
  CASE
    WHEN starts_with(base_asset, 'crypto:') THEN base_asset ~ '^crypto:[A-Za-z0-9]+$' AND length(base_asset) <= 19
    WHEN starts_with(base_asset, 'fiat:') THEN base_asset ~ '^fiat:[A-Z]+$' AND length(base_asset) = 8
    WHEN strpos(base_asset, '-') > 0 THEN base_asset ~ '^[A-Za-z0-9]+-G[A-Z2-7]+$'
      AND strpos(base_asset, '-') <= 13 AND length(base_asset) - strpos(base_asset, '-') = 56
    ELSE base_asset = 'native' OR (base_asset ~ '^C[A-Z2-7]+$' AND length(base_asset) = 56)
  END
  ) NOT VALID,
  ADD CONSTRAINT trades_quote_asset_form CHECK (
  CASE
    WHEN starts_with(quote_asset, 'crypto:') THEN quote_asset ~ '^crypto:[A-Za-z0-9]+$' AND length(quote_asset) <= 19
    WHEN starts_with(quote_asset, 'fiat:') THEN quote_asset ~ '^fiat:[A-Z]+$' AND length(quote_asset) = 8
    WHEN strpos(quote_asset, '-') > 0 THEN quote_asset ~ '^[A-Za-z0-9]+-G[A-Z2-7]+$'
      AND strpos(quote_asset, '-') <= 13 AND length(quote_asset) - strpos(quote_asset, '-') = 56
    ELSE quote_asset = 'native' OR (quote_asset ~ '^C[A-Z2-7]+$' AND length(quote_asset) = 56)
  END
  ) NOT VALID,
  ADD CONSTRAINT trades_source_form CHECK (source ~ '^[a-z0-9][a-z0-9._-]*$' AND length(source) <= 64) NOT VALID;
