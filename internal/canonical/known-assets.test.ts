import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { parseAsset } from "./asset.ts";
import { FIAT_CODES } from "./fiat.ts";
import { knownSpelling, parseTypedAsset, spellingsOf } from "./known-assets.ts";
import { makePair, makeTypedPair, parsePair, parseStoredPair, parseTypedPair } from "./pair.ts";

const CIRCLE = "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";

describe("parseTypedAsset", () => {
  it.each([
    ["xlm", "XLM"],
    ["NATIVE", "native"],
    ["Native", "native"],
    ["crypto:btc", "crypto:BTC"],
    ["CRYPTO:BTC", "crypto:BTC"],
    ["usdc", "USDC"],
    ["mxne", "MXNe"],
    ["MXNE", "MXNe"],
    ["YXLM", "yXLM"],
    ["usd", "USD"],
    ["fiat:usd", "fiat:USD"],
    ["crypto:usd", "fiat:USD"],
    ["crypto:native", "native"],
    [`usdc-${CIRCLE}`, `USDC-${CIRCLE}`],
    [`Usdc:${CIRCLE}`, `USDC:${CIRCLE}`],
  ])("refuses %s and suggests %s", (text, right) => {
    expect(() => parseTypedAsset(text)).toThrow(`asset ${JSON.stringify(text)} is not known; did you mean ${right}?`);
  });

  it.each([
    ["MXNe", "crypto:MXNe"],
    ["yUSDC", "crypto:yUSDC"],
    ["abc", "crypto:abc"],
    ["crypto:USD", "crypto:USD"],
    ["native", "native"],
    ["USD", "fiat:USD"],
    ["XLM", "crypto:XLM"],
    [`usdc-GCRYUGD5NVARGXT56XEZI5CIFCQETYHAPQQTHO2O3IQZTHDH4LATMYWC`, null],
    [`USDC:${CIRCLE}`, `USDC-${CIRCLE}`],
  ])("accepts %s", (text, asset) => {
    expect(parseTypedAsset(text)).toBe(asset ?? text);
  });

  it("knows the default pegs and aliases, and the assets of the largest markets", () => {
    for (const code of "XLM BTC ETH USDT USDC DAI PYUSD USDP EURC EUROC EUROB MXNe XRP SOL AQUA yXLM SHX VELO".split(
      " ",
    )) {
      expect(knownSpelling(code)).toBeNull();
      expect(knownSpelling(`crypto:${code.toLowerCase()}`)).toBe(`crypto:${code}`);
    }
  });

  it("accepts each spelling that it suggests", () => {
    const code = fc.constantFrom("xlm", "native", "mxne", "YXLM", "usd", "Eur", "shib");
    fc.assert(
      fc.property(fc.constantFrom("", "crypto:", "fiat:"), code, (prefix, text) => {
        const known = knownSpelling(prefix + text);
        if (known !== null) expect(() => parseTypedAsset(known)).not.toThrow();
      }),
    );
  });

  it("does not know a currency's code as a token, in any case", () => {
    const codes = [...FIAT_CODES];
    expect(codes.map((code) => knownSpelling(code))).toEqual(codes.map(() => null));
    expect(codes.map((code) => knownSpelling(code.toLowerCase()))).toEqual(codes);
  });
});

describe("assets that the configuration names", () => {
  const issued = "GCRYUGD5NVARGXT56XEZI5CIFCQETYHAPQQTHO2O3IQZTHDH4LATMYWC";
  const further = spellingsOf(["FOO", "yBar", "crypto:USD", `Baz-${issued}`, "native", "USD"].map(parseAsset));

  it.each([
    ["foo", "FOO"],
    ["Foo", "FOO"],
    ["crypto:foo", "crypto:FOO"],
    ["YBAR", "yBar"],
    [`BAZ-${issued}`, `Baz-${issued}`],
    [`baz:${issued}`, `Baz:${issued}`],
    ["usd", "USD"],
    ["xlm", "XLM"],
  ])("are suggested for the misspelling %s: %s", (text, right) => {
    expect(() => parseTypedAsset(text, further)).toThrow(`did you mean ${right}?`);
    expect(() => parseTypedPair(`${text}/EUR`, further)).toThrow(`did you mean ${right}?`);
    expect(() => makeTypedPair("EUR", text, further)).toThrow(`did you mean ${right}?`);
  });

  it.each(["FOO", "yBar", "crypto:USD", `Baz:${issued}`, "other", `baz-${CIRCLE}`])("allow %s", (text) => {
    expect(parseTypedAsset(text, further)).toBe(parseAsset(text));
  });

  it("are not treated as misspellings of each other", () => {
    const both = spellingsOf(["crypto:FOO", "crypto:Foo"].map(parseAsset));
    expect(["FOO", "Foo", "foo"].map((text) => knownSpelling(text, both))).toEqual([null, null, null]);
  });
});

describe("typed pairs", () => {
  it.each(["xlm/USD", "XLM/usd", "NATIVE/crypto:EURC"])("refuses %s", (text) => {
    const [base = "", quote = ""] = text.split("/");
    expect(() => parseTypedPair(text)).toThrow("did you mean");
    expect(() => makeTypedPair(base, quote)).toThrow("did you mean");
    expect(() => parsePair(text)).not.toThrow();
    expect(() => makePair(base, quote)).not.toThrow();
  });

  test("a pair that names stored rows is accepted in canonical form", () => {
    expect(parseStoredPair("crypto:xrp/crypto:eth")).toEqual({ base: "crypto:xrp", quote: "crypto:eth" });
    expect(parseStoredPair("XRP/ETH")).toEqual({ base: "crypto:XRP", quote: "crypto:ETH" });
    expect(() => parseStoredPair("xrp/eth")).toThrow('asset "xrp" is not known; did you mean XRP?');
    expect(() => parseStoredPair("crypto:xrp/eth")).toThrow("did you mean");
  });
});
