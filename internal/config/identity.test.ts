import { describe, expect, test } from "vitest";
import { formatPair } from "../canonical/pair.ts";
import { load, problemsOf } from "./config.testing.ts";

const USDC = "USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const FEED = `0x${"a".repeat(40)}`;

describe("a known code in different case is refused", () => {
  test.each([
    ['[aggregate]\npairs = ["xlm/USD"]', "aggregate.pairs[0]", '"xlm" is not known; did you mean XLM?'],
    ['[aggregate]\npairs = ["NATIVE/USD"]', "aggregate.pairs[0]", "did you mean native?"],
    ['[aggregate]\npairs = ["crypto:btc/USD"]', "aggregate.pairs[0]", "did you mean crypto:BTC?"],
    ['[aggregate]\npairs = ["XLM/usd"]', "aggregate.pairs[0]", "did you mean USD?"],
    ['[aggregate.aliases]\nnative = ["xlm"]', "aggregate.aliases.native[0]", "did you mean XLM?"],
    ['[aggregate.aliases]\n"crypto:xlm" = ["native"]', "aggregate.aliases.crypto:xlm", "did you mean crypto:XLM?"],
    ['[aggregate.pegs]\nmxne = "MXN"', "aggregate.pegs.mxne", "did you mean MXNe?"],
    ['[aggregate.pegs]\nGHI = "fiat:usd"', "aggregate.pegs.GHI", "did you mean fiat:USD?"],
    [
      '[[aggregate.triangulations]]\ntarget = "XLM/EUR"\nlegs = ["XLM/usd", "EUR/USD"]',
      "aggregate.triangulations[0].legs[0]",
      "did you mean USD?",
    ],
    ['[divergence.coingecko.ids]\nbtc = "bitcoin"', "divergence.coingecko.ids.btc", "did you mean BTC?"],
    [`[divergence.chainlink.feeds]\n"btc/USD" = "${FEED}"`, "divergence.chainlink.feeds.btc/USD", "did you mean BTC?"],
  ])("%j", (text, key, wrong) => {
    const [problem] = problemsOf(text);
    expect(problem?.key.replaceAll('"', "")).toBe(key);
    expect(problem?.wrong).toContain(wrong);
  });
});

test("CODE:ISSUER is accepted in every asset, and days and weeks in every duration", () => {
  const { config } = load(`
[aggregate]
pairs = ["XLM/${USDC}"]
windows = ["1d", "1w"]
[aggregate.aliases]
"crypto:CIRCLE" = ["${USDC}"]
[aggregate.pegs]
"${USDC}" = "USD"
[database.retention]
trades = "30d"
`);
  const canonical = USDC.replace(":", "-");
  expect(config.aggregate.pairs.map(formatPair)).toEqual([`crypto:XLM/${canonical}`]);
  expect(config.aggregate.windows).toEqual([86_400, 604_800]);
  expect([...config.aggregate.aliases].at(-1)).toEqual(["crypto:CIRCLE", [canonical]]);
  expect([...config.aggregate.pegs]).toEqual([[canonical, "fiat:USD"]]);
  expect(config.database.retention.trades).toBe(30 * 86_400);
});
