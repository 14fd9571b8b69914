import { describe, expect, test } from "vitest";
import { parseAsset } from "./asset.ts";
import { formatPair } from "./pair.ts";
import { stellarMarket } from "./stellar-market.ts";

const USDC = "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const EURC = "EURC-GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2";
/** Another issuer of the same code. */
const OTHER = "USDC-GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2";

describe("stellarMarket", () => {
  test.each([
    ["native", USDC],
    [EURC, USDC],
    ["native", EURC],
    [OTHER, "native"],
    [OTHER, USDC],
    [EURC.replace("EURC", "AQUA"), OTHER],
  ])("%s is quoted in %s, whichever comes first", (base, quote) => {
    const expected = `${base}/${quote}`;
    expect(formatPair(stellarMarket(parseAsset(base), parseAsset(quote)))).toBe(expected);
    expect(formatPair(stellarMarket(parseAsset(quote), parseAsset(base)))).toBe(expected);
  });
});
