DROP FUNCTION forms_price(text, text, text, numeric, numeric);
