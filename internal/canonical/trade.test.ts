import { describe, expect, test } from "vitest";
import { formatDecimal } from "./decimal.ts";
import { formatTime } from "./time.ts";
import { type TradeTexts, validateTrade } from "./trade.ts";

const ISSUER = "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const TEXTS: TradeTexts = {
  base_asset: "crypto:XLM",
  quote_asset: `USDC-${ISSUER}`,
  ts: "2026-08-09T21:04:35.345704Z",
  source: "sdex",
  trade_id: "1068571991",
  base_amount: "12.50",
  quote_amount: "4.7E0",
};

describe("validateTrade", () => {
  test("gives the trade", () => {
    const result = validateTrade(TEXTS);
    if (!("trade" in result)) throw new Error(JSON.stringify(result.problems));
    const { ts, baseAmount, quoteAmount, ...rest } = result.trade;
    expect(rest).toEqual({ base: "crypto:XLM", quote: `USDC-${ISSUER}`, source: "sdex", tradeId: "1068571991" });
    expect([formatTime(ts), formatDecimal(baseAmount), formatDecimal(quoteAmount)]).toEqual([
      "2026-08-09T21:04:35.345704Z",
      "12.5",
      "4.7",
    ]);
  });

  test("cuts the time to microseconds and never rounds it", () => {
    const result = validateTrade({ ...TEXTS, ts: "2026-08-09T23:59:59.9999999+02:00" });
    expect("trade" in result && formatTime(result.trade.ts)).toBe("2026-08-09T21:59:59.999999Z");
  });

  test.each<[TradeTexts, string, string, string]>([
    [{ base_asset: "" }, "base_asset", "missing", "is missing or empty"],
    [{ source: undefined }, "source", "missing", "is missing or empty"],
    [{ base_asset: "XLM" }, "base_asset", "asset_malformed", '"XLM" is a short form; write crypto:XLM'],
    [
      { base_asset: "fiat:XLM" },
      "base_asset",
      "asset_malformed",
      '"fiat:XLM" has a code that is not on the ISO 4217 list',
    ],
    [{ quote_asset: `USDC-${ISSUER.slice(0, -1)}A` }, "quote_asset", "asset_malformed", "wrong checksum"],
    [
      { quote_asset: "crypto:XLM" },
      "quote_asset",
      "assets_equal",
      "is crypto:XLM, like the base asset; a market has two",
    ],
    [{ ts: "2026-08-09 21:04:35" }, "ts", "time_malformed", "is not a time with a zone, such as"],
    [{ ts: "infinity" }, "ts", "time_malformed", "is not a time with a zone, such as"],
    [{ ts: "9999-12-31T23:59:59-01:00" }, "ts", "time_out_of_range", "is outside the years 1 to 9999 in UTC"],
    [{ source: "Kraken" }, "source", "source_malformed", "names of sources have none: write kraken"],
    [{ source: " kraken" }, "source", "source_malformed", "is not 1 to 64 of a-z, 0-9"],
    [{ base_amount: "NaN" }, "base_amount", "amount_malformed", '"NaN" is not a decimal number, such as 0.5'],
    [{ base_amount: "0.0" }, "base_amount", "amount_not_positive", "is 0, but has to be above 0"],
    [{ quote_amount: "-1" }, "quote_amount", "amount_not_positive", "is -1, but has to be above 0"],
    [{ quote_amount: "1e40" }, "quote_amount", "amount_too_large", "but has to be below 1e40, in whole units"],
    [
      { base_amount: "1e-31" },
      "base_amount",
      "amount_too_precise",
      "has 31 decimals, more than the 30 that can be stored",
    ],
    [{ base_amount: "1e31", quote_amount: "1" }, "quote_amount", "price_too_small", "the price is below 1e-30"],
    [{ trade_id: "x".repeat(257) }, "trade_id", "trade_id_too_long", "is longer than 256 characters"],
    [{ trade_id: "a\u0000b" }, "trade_id", "trade_id_malformed", "has control characters or is not UTF-8"],
  ])("refuses %j by %s: %s", (changes, field, code, reason) => {
    const result = validateTrade({ ...TEXTS, ...changes });
    expect(result).toEqual({ problems: [{ field, code, reason: expect.stringContaining(reason) }] });
  });

  test("names every field that is wrong, once", () => {
    const result = validateTrade({ base_amount: "0", quote_amount: "1,5", ts: "yesterday" });
    expect("problems" in result && result.problems.map(({ field, code }) => `${field} ${code}`)).toEqual([
      "base_asset missing",
      "quote_asset missing",
      "ts time_malformed",
      "source missing",
      "trade_id missing",
      "base_amount amount_not_positive",
      "quote_amount amount_malformed",
    ]);
  });
});
