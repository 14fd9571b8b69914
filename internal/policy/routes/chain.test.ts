import { describe, expect, it } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import { closeAliases, DEFAULT_ALIASES } from "../aliases.ts";
import { chainOf } from "./chain.ts";

const aliases = closeAliases(DEFAULT_ALIASES);
const chain = (target: string, ...legs: string[]) =>
  chainOf({ target: parsePair(target), legs: legs.map(parsePair) }, aliases);

describe("a chain", () => {
  it("leads from base to quote over legs in either direction, under any alias", () => {
    const path = ["crypto:XLM", "fiat:USD", "fiat:EUR"];
    expect(chain("XLM/EUR", "XLM/USD", "USD/EUR").path).toEqual(path);
    expect(chain("XLM/EUR", "USD/native", "EUR/USD").path).toEqual(path);
    expect(chain("native/EUR", "native/USD", "USD/EUR")).toEqual(chain("XLM/EUR", "XLM/USD", "USD/EUR"));
  });

  it.each<[string, string, string[]]>([
    ["needs two legs or more", "XLM/EUR", ["XLM/EUR"]],
    ["leg crypto:BTC/fiat:EUR does not contain fiat:USD, where it has to start", "XLM/EUR", ["XLM/USD", "BTC/EUR"]],
    ["leg fiat:USD/fiat:EUR does not contain crypto:XLM, where it has to start", "XLM/EUR", ["USD/EUR", "XLM/USD"]],
    ["end at fiat:GBP, not at fiat:EUR", "XLM/EUR", ["XLM/USD", "USD/GBP"]],
    ["leg fiat:USD/native returns to crypto:XLM", "XLM/EUR", ["XLM/USD", "USD/native", "XLM/EUR"]],
    ["has more than 8 legs", "XLM/EUR", Array.from({ length: 9 }, () => "XLM/USD")],
  ])("is refused with: %s", (problem, target, legs) => {
    expect(() => chain(target, ...legs)).toThrow(problem);
  });
});
