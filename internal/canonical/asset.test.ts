import { describe, expect, it } from "vitest";
import { isFiat, parseAsset } from "./asset.ts";
import { formatPair, parsePair } from "./pair.ts";

const CIRCLE = "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const CONTRACT = "CAS3J7GYLGXMF6TDJBBYYSE3HQ6BBSMLNUQ34T6TZMYMW2EVH34XOWMA";

describe("parseAsset", () => {
  it.each([
    ["native", "native"],
    ["XLM", "crypto:XLM"],
    ["USD", "fiat:USD"],
    ["usd", "crypto:usd"],
    ["MXNe", "crypto:MXNe"],
    ["crypto:USD", "crypto:USD"],
    ["fiat:MXN", "fiat:MXN"],
    [`USDC-${CIRCLE}`, `USDC-${CIRCLE}`],
    [`USDC:${CIRCLE}`, `USDC-${CIRCLE}`],
    [`crypto:${CIRCLE}`, `crypto-${CIRCLE}`],
    [`ABCDEFGHIJKL:${CIRCLE}`, `ABCDEFGHIJKL-${CIRCLE}`],
    ["crypto:GABCDEFGHIJK", "crypto:GABCDEFGHIJK"],
    [CONTRACT, CONTRACT],
  ])("reads %s as %s", (text, canonical) => {
    expect(parseAsset(text)).toBe(canonical);
  });

  it.each([
    ["", /not in a known form/],
    ["fiat:ZZZ", /not on the ISO 4217 list/],
    ["fiat:usd", /not on the ISO 4217 list/],
    ["crypto:", /ticker/],
    ["crypto:ABCDEFGHIJKLM", /ticker/],
    ["stock:AAPL", /unknown prefix/],
    [`USDC-${CIRCLE.slice(0, -1)}A`, /issuer with a wrong checksum/],
    [`USDC:${CIRCLE.slice(0, -1)}A`, /issuer with a wrong checksum/],
    [`USDC:${CIRCLE.toLowerCase()}`, /issuer/],
    ["USDC:GABC", /issuer of 4 characters, not 56/],
    ["USDC-GABC", /issuer of 4 characters, not 56/],
    [`USDC:${CIRCLE.slice(1)}`, /issuer that does not begin with G/],
    [`USDC-${CIRCLE.slice(1)}`, /issuer that does not begin with G/],
    [`TOOLONGCODE13:GABC`, /unknown prefix/],
    [`USDC::${CIRCLE}`, /unknown prefix/],
    [`USDC-${CIRCLE}-1`, /issuer/],
    [`:${CIRCLE}`, /code of 1 to 12/],
    [`TOOLONGCODE13-${CIRCLE}`, /code of 1 to 12/],
    [`TOOLONGCODE13:${CIRCLE}`, /code of 1 to 12/],
    [CIRCLE, /not in a known form/],
    [`${CONTRACT.slice(0, -1)}B`, /checksum/],
    ["X LM", /not in a known form/],
    ["ＸＬＭ", /not in a known form/],
  ])("refuses %j", (text, why) => {
    expect(() => parseAsset(text)).toThrow(why);
  });

  it("distinguishes currencies from tokens with the same code", () => {
    expect(isFiat(parseAsset("EUR"))).toBe(true);
    expect(isFiat(parseAsset("crypto:EUR"))).toBe(false);
  });
});

describe("parsePair", () => {
  it("parses base and quote", () => {
    expect(formatPair(parsePair("XLM/USD"))).toBe("crypto:XLM/fiat:USD");
    expect(formatPair(parsePair(`native/USDC-${CIRCLE}`))).toBe(`native/USDC-${CIRCLE}`);
    expect(formatPair(parsePair(`XLM/USDC:${CIRCLE}`))).toBe(`crypto:XLM/USDC-${CIRCLE}`);
  });

  it.each(["XLM", "XLM/", "/USD", "XLM/USD/EUR", "USD/fiat:USD", ""])("refuses %j", (text) => {
    expect(() => parsePair(text)).toThrow();
  });
});
