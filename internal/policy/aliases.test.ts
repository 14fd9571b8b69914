import { describe, expect, it } from "vitest";
import { parseAsset } from "../canonical/asset.ts";
import { parsePair } from "../canonical/pair.ts";
import {
  closeAliases,
  currencyOf,
  DEFAULT_ALIASES,
  defaultPegs,
  namesOf,
  pairIdentity,
  primaryName,
} from "./aliases.ts";

const USDC = "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const USDC_CONTRACT = "CCW67TSZV3SSS2HXMBQ5JFGCKJNXKZM7UQUWUZPUTHXSTZLEO7SJMI75";
const NATIVE_CONTRACT = "CAS3J7GYLGXMF6TDJBBYYSE3HQ6BBSMLNUQ34T6TZMYMW2EVH34XOWMA";
const AQUA = "AQUA-GBNZILSTVQZ4R7IKQDGHYGY2QXL5QOFJYQMXPKWRRM5PAV7Y4M67AQUA";

describe("the aliases of an asset", () => {
  const pegs = defaultPegs("public");
  const aliases = closeAliases(DEFAULT_ALIASES, "public", [...pegs.keys()]);
  const names = (text: string) => namesOf(parseAsset(text), aliases);

  it("include the contract of the native asset, under each of its names", () => {
    for (const name of ["native", "crypto:XLM", NATIVE_CONTRACT]) {
      expect(names(name)).toEqual([NATIVE_CONTRACT, "crypto:XLM", "native"]);
      expect(primaryName(parseAsset(name), aliases)).toBe("crypto:XLM");
    }
  });

  it("include the contract of every classic asset", () => {
    expect(names(AQUA)).toEqual([AQUA, expect.stringMatching(/^C/)].sort());
    expect(primaryName(parseAsset(AQUA), aliases)).toBe(AQUA);
    expect(names("crypto:AQUA")).toEqual(["crypto:AQUA"]);
  });

  it("include the contracts of Circle's assets on the public network, pegged to USD and EUR", () => {
    for (const name of [USDC, USDC_CONTRACT]) {
      expect(names(name)).toEqual([USDC_CONTRACT, USDC]);
      expect(currencyOf(parseAsset(name), aliases, pegs)).toBe("fiat:USD");
    }
    const onTestnet = defaultPegs("testnet");
    expect(currencyOf(parseAsset(USDC), closeAliases(DEFAULT_ALIASES, "testnet"), onTestnet)).toBe(null);
  });

  it("differ between networks", () => {
    const onTestnet = closeAliases(DEFAULT_ALIASES, "testnet");
    expect(namesOf(parseAsset("native"), onTestnet)).not.toContain(NATIVE_CONTRACT);
    expect(namesOf(parseAsset(NATIVE_CONTRACT), onTestnet)).toEqual([NATIVE_CONTRACT]);
  });

  it("include the contract of a classic asset that only the asked pair names", () => {
    const [, contract = ""] = [...names(AQUA)].sort((a, b) => b.length - a.length);
    const identities = [`${AQUA}/USD`, `${contract}/USD`].map((pair) => pairIdentity(parsePair(pair), aliases));
    expect(new Set(identities).size).toBe(1);
  });
});
