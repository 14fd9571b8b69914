-- Which trades form a price: one unit of the venue's precision, 1e-7 on Stellar and 1e-8 elsewhere, is at most 0.1 % of the
-- price when it is added to either amount. formsPrice in internal/canonical/trade.ts is the same rule.
CREATE FUNCTION forms_price(
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
