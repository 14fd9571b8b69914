import { describe, expect, it } from "vitest";
import { parseDecimal } from "../canonical/decimal.ts";
import { type Fraction, fractionOf } from "../canonical/fraction.ts";
import { formatPair, parsePair } from "../canonical/pair.ts";
import { expansionOf } from "./expansion.ts";
import { filterPegs } from "./pegs.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "./policy.ts";

describe("the peg rule", () => {
  const policy = makePolicy({ ...DEFAULT_POLICY_SETTINGS, enable_stablecoin_fiat_proxy: true });
  const excluded = async (prices: Readonly<Record<string, string>>) => {
    const expansion = expansionOf(parsePair("BTC/USD"), policy);
    const filtered = await filterPegs(expansion, policy, async (market): Promise<Fraction | null> => {
      const price = prices[formatPair(market)];
      return price === undefined ? null : fractionOf(parseDecimal(price));
    });
    expect(filtered.kept.length + filtered.excluded.length).toBe(
      expansion.named.length + expansion.pegged.flatMap(({ pairs }) => pairs).length,
    );
    return filtered.excluded.map(formatPair);
  };

  it("drops an asset that trades further from 1 than the tolerance, in either direction, and keeps one without a market", async () => {
    expect(await excluded({})).toEqual([]);
    expect(await excluded({ "crypto:USDT/fiat:USD": "0.98", "crypto:DAI/fiat:USD": "1.02" })).toEqual([]);
    expect(
      await excluded({ "crypto:USDT/fiat:USD": "0.97999999999999", "crypto:DAI/fiat:USD": "1.02000000001" }),
    ).toEqual(["crypto:BTC/crypto:USDT", "crypto:BTC/crypto:DAI"]);
  });

  it("drops an asset under all of its aliases", async () => {
    const circles = "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
    expect(await excluded({ [`${circles}/fiat:USD`]: "0.9" })).toEqual([
      "crypto:BTC/CCW67TSZV3SSS2HXMBQ5JFGCKJNXKZM7UQUWUZPUTHXSTZLEO7SJMI75",
      `crypto:BTC/${circles}`,
    ]);
  });
});
