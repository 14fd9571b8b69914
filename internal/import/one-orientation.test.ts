import { expect, it } from "vitest";
import { parseDecimal } from "../canonical/decimal.ts";
import { formatPair, parsePair } from "../canonical/pair.ts";
import type { FiledRow } from "./batch-writer.ts";
import { inOneOrientation } from "./one-orientation.ts";

const row = (pair: string, source = "kraken"): FiledRow => ({
  ...parsePair(pair),
  ts: 0n,
  source,
  tradeId: "1",
  baseAmount: parseDecimal("1"),
  quoteAmount: parseDecimal("1"),
  line: 2,
});

it("uses the orientation of the first batch in flight for the next, and writes them in order", async () => {
  const written: string[] = [];
  const asked: string[][] = [];
  const answers: (() => void)[] = [];
  const write = inOneOrientation(
    async (rows) => {
      written.push(rows.map(formatPair).join(" "));
      return { inserted: rows.length, known: 0, conflicting: [] };
    },
    {
      identityOf: formatPair,
      inverted: (markets) => {
        asked.push(markets.map(formatPair));
        return new Promise((resolve) => answers.push(() => resolve(new Set())));
      },
    },
  );
  const outcomes = [write([row("XLM/USD"), row("BTC/USD")]), write([row("USD/XLM")]), write([row("USD/XLM", "sdex")])];
  await expect.poll(() => answers.length).toBe(1);
  expect(written).toEqual([]);
  answers[0]?.();
  await expect.poll(() => answers.length).toBe(2);
  answers[1]?.();
  const [, second, third] = await Promise.all(outcomes);
  expect(second).toMatchObject({ inserted: 0, inverted: [row("USD/XLM")] });
  expect(third).toMatchObject({ inserted: 1, inverted: [] });
  expect(asked).toEqual([["crypto:XLM/fiat:USD", "crypto:BTC/fiat:USD"], ["fiat:USD/crypto:XLM"]]);
  expect(written).toEqual(["crypto:XLM/fiat:USD crypto:BTC/fiat:USD", "", "fiat:USD/crypto:XLM"]);
});

it("prefers the stored orientation to the first one in the file", async () => {
  const write = inOneOrientation(async (rows) => ({ inserted: rows.length, known: 0, conflicting: [] }), {
    identityOf: formatPair,
    inverted: async () => new Set([0]),
  });
  expect(await write([row("USD/XLM"), row("XLM/USD")])).toMatchObject({ inserted: 1, inverted: [row("USD/XLM")] });
});

it("treats aliases as one asset", async () => {
  const write = inOneOrientation(async (rows) => ({ inserted: rows.length, known: 0, conflicting: [] }), {
    identityOf: (pair) => formatPair(pair).replaceAll("native", "crypto:XLM"),
    inverted: async () => new Set(),
  });
  const rows = [row("native/USD"), row("USD/XLM"), row("XLM/USD"), row("USD/native")];
  expect(await write(rows)).toMatchObject({ inserted: 2, inverted: [rows[1], rows[3]] });
});
