import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAsset } from "./asset.ts";
import { contractOf, networkPassphrase } from "./stellar-contract.ts";
import { decodeStrkey, encodeStrkey, isStrkey } from "./strkey.ts";

const CIRCLE = "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const CIRCLE_EURC = "GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2";
const ETHERFUSE = "GCRYUGD5NVARGXT56XEZI5CIFCQETYHAPQQTHO2O3IQZTHDH4LATMYWC";
const STANDALONE = "Standalone Network ; February 2017";

// The first three and the testnet's native one are deployed contracts; the others come from Stellar's own SDK.
describe("contractOf", () => {
  test.each([
    ["public", "native", "CAS3J7GYLGXMF6TDJBBYYSE3HQ6BBSMLNUQ34T6TZMYMW2EVH34XOWMA"],
    ["public", `USDC:${CIRCLE}`, "CCW67TSZV3SSS2HXMBQ5JFGCKJNXKZM7UQUWUZPUTHXSTZLEO7SJMI75"],
    ["public", `EURC:${CIRCLE_EURC}`, "CDTKPWPLOURQA2SGTKTUQOWRCBZEORB4BWBOMJ3D3ZTQQSGE5F6JBQLV"],
    ["public", `A:${ETHERFUSE}`, "CD5IJ4TE5RVCCJ2USDEUOWMJ6Y6VMN6T4SE3LWORLCC3EWBF3O2ECOQ6"],
    ["public", `abcd:${ETHERFUSE}`, "CCWZXUIIJ7RWZO6E7DH63YBDJ5WUXPQD6FXJZWZB2PRKT2TM6PFR4JLJ"],
    ["public", `USTRY:${ETHERFUSE}`, "CBLV4ATSIWU67CFSQU2NVRKINQIKUZ2ODSZBUJTJ43VJVRSBTZYOPNUR"],
    ["public", `ABCDEFGHIJKL:${ETHERFUSE}`, "CB3SJ3ZYKL3B5UWTZN7HVZDUEN2ZP7QD2ETWZWST2Y36O3UQPGQ5V2SK"],
    ["testnet", "native", "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC"],
    ["testnet", `USDC:${CIRCLE}`, "CA2E53VHFZ6YSWQIEIPBXJQGT6VW3VKWWZO555XKRQXYJ63GEBJJGHY7"],
    ["testnet", `USTRY:${ETHERFUSE}`, "CBEHZAPSMUJXT6R4X4LSQYEOOSNBNUQISUTHJNDZKMPSZQEKJC753HR3"],
    [STANDALONE, "native", "CDMLFMKMMD7MWZP3FKUBZPVHTUEDLSX4BYGYKH4GCESXYHS3IHQ4EIG4"],
  ])("on %s, the contract of %s is %s", (network, asset, contract) => {
    for (const _ of ["computed", "remembered"]) {
      expect(contractOf(parseAsset(asset), networkPassphrase(network))).toBe(contract);
    }
    expect(parseAsset(contract)).toBe(contract);
  });

  test.each(["crypto:XLM", "fiat:USD", "CAS3J7GYLGXMF6TDJBBYYSE3HQ6BBSMLNUQ34T6TZMYMW2EVH34XOWMA"])(
    "%s has none",
    (asset) => {
      expect(contractOf(parseAsset(asset), networkPassphrase("public"))).toBeNull();
    },
  );

  test("gives different contracts for each code, issuer and network, however many are cached", () => {
    const seen = new Map<string, string>();
    const network = fc.constantFrom("public", "testnet", STANDALONE);
    const code = fc.stringMatching(/^[A-Za-z0-9]{1,12}$/);
    fc.assert(
      fc.property(code, fc.constantFrom(CIRCLE, ETHERFUSE), network, (ticker, issuer, name) => {
        const text = `${ticker}-${issuer} ${name}`;
        const contract = contractOf(parseAsset(`${ticker}-${issuer}`), networkPassphrase(name)) ?? "";
        expect(isStrkey(contract, "C")).toBe(true);
        expect(seen.get(contract) ?? text).toBe(text);
        seen.set(contract, text);
      }),
      { numRuns: 500 },
    );
  });

  test("gives the same contract after it was evicted from the cache", () => {
    const native = () => contractOf(parseAsset("native"), networkPassphrase("public"));
    const first = native();
    for (let index = 0; index < 10_001; index++) contractOf(parseAsset(`crypto:F${index}`), "");
    expect(native()).toBe(first);
  });
});

test("accepts a passphrase as the network", () => {
  expect(networkPassphrase("public")).toBe("Public Global Stellar Network ; September 2015");
  expect(networkPassphrase("testnet")).toBe("Test SDF Network ; September 2015");
  expect([STANDALONE, "constructor"].map(networkPassphrase)).toEqual([STANDALONE, "constructor"]);
});

describe("Stellar keys", () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
  const kind = fc.constantFrom("G" as const, "C" as const);

  test("are decoded to what was encoded", () => {
    fc.assert(
      fc.property(key, kind, (bytes, letter) => {
        const text = encodeStrkey(letter, bytes);
        expect(text).toMatch(new RegExp(`^${letter}[A-Z2-7]{55}$`));
        expect(decodeStrkey(text, letter)).toEqual(bytes);
        expect(decodeStrkey(text, letter === "G" ? "C" : "G")).toBeNull();
      }),
    );
  });

  test("are refused with any one character changed", () => {
    fc.assert(
      fc.property(key, kind, fc.nat(55), fc.constantFrom(..."ABCXYZ237019a=-é"), (bytes, letter, at, other) => {
        const text = encodeStrkey(letter, bytes);
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        expect(isStrkey(changed, letter)).toBe(changed === text);
      }),
    );
  });
});
