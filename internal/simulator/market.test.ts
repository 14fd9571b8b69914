import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isThorough, runsOf } from "../../test/thoroughness.ts";
import { parseAsset } from "../canonical/asset.ts";
import { formatDecimal, sum } from "../canonical/decimal.ts";
import { formatPair } from "../canonical/pair.ts";
import { floorTo, type Micros, parseTime, seconds } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";
import { buildRegistry, fxSources } from "../policy/registry.ts";
import { openTestDatabase, testEngines } from "../storage/connection/database.testing.ts";
import { writeTrades } from "../storage/trades/trades.ts";
import { tradesBetween } from "./market.ts";
import { MARKETS } from "./markets.ts";
import { usdPrice } from "./mid-price.ts";

const NOW = parseTime("2026-08-09T22:30:00Z");
const DAY = seconds(24 * 3600);
const FIVE_MINUTES = seconds(300);
const REGISTRY = buildRegistry();

const seed = fc.integer({ min: 0, max: 0xffff_ffff });
const moment = fc.bigInt({ min: parseTime("2020-01-01T00:00:00Z"), max: parseTime("2040-01-01T00:00:00Z") });
const density = fc.constantFrom("full" as const, "thin" as const);

function asText(rows: readonly TradeRow[]): string[] {
  return rows.map(
    (row) =>
      `${row.ts} ${formatPair(row)} ${row.source} ${row.tradeId} ${formatDecimal(row.baseAmount)} ${formatDecimal(row.quoteAmount)}`,
  );
}

function priceOf({ baseAmount, quoteAmount }: TradeRow): number {
  return Number(quoteAmount) / Number(baseAmount);
}

/** Returns how far a trade's price is off, as a factor of at least 1. */
function offBy(row: TradeRow, withSeed: number): number {
  const ratio = (priceOf(row) * usdPrice(withSeed, row.quote, row.ts)) / usdPrice(withSeed, row.base, row.ts);
  return ratio < 1 ? 1 / ratio : ratio;
}

describe("tradesBetween", () => {
  it("returns the same trades each time, and different ones for another seed", () => {
    const once = asText(tradesBetween(1, NOW - FIVE_MINUTES, NOW));
    expect(asText(tradesBetween(1, NOW - FIVE_MINUTES, NOW))).toEqual(once);
    expect(asText(tradesBetween(2, NOW - FIVE_MINUTES, NOW))).not.toEqual(once);
  });

  it("returns the same trades for any split of the interval", () => {
    const cuts = fc.array(fc.bigInt({ min: 0n, max: FIVE_MINUTES }), { maxLength: 4 });
    fc.assert(
      fc.property(seed, moment, cuts, density, (withSeed, from, offsets, kept) => {
        const bounds = [0n, ...offsets, FIVE_MINUTES].sort((a, b) => Number(a - b)).map((offset) => from + offset);
        const parts = bounds.slice(1).flatMap((to, index) => tradesBetween(withSeed, bounds[index] ?? to, to, kept));
        expect(asText(parts)).toEqual(asText(tradesBetween(withSeed, from, from + FIVE_MINUTES, kept)));
      }),
      { numRuns: runsOf(32) },
    );
  });

  it("includes a trade at the boundary in the later part", () => {
    const [first] = tradesBetween(1, NOW - FIVE_MINUTES, NOW);
    const at = first?.ts ?? 0n;
    expect(tradesBetween(1, at, at + 1n)).toContainEqual(first);
    expect(tradesBetween(1, at - 1n, at)).not.toContainEqual(first);
    expect(tradesBetween(1, at, at)).toEqual([]);
  });

  it("returns trades within the interval, in time order, with unique identities", () => {
    const rows = tradesBetween(1, NOW - FIVE_MINUTES, NOW);
    const identities = rows.map((row) => `${formatPair(row)} ${row.source} ${row.tradeId}`);
    expect(new Set(identities).size).toBe(rows.length);
    for (const [index, { ts }] of rows.entries()) {
      expect(ts >= NOW - FIVE_MINUTES && ts < NOW).toBe(true);
      expect(ts >= (rows[index - 1]?.ts ?? 0n)).toBe(true);
    }
  });

  it("has 5 to 10 trades per second, and at most 40 000 per day with 10 full minutes and a thin rest", () => {
    const full = tradesBetween(1, NOW - seconds(600), NOW).length;
    expect(full / 600).toBeGreaterThan(5);
    expect(full / 600).toBeLessThan(10);
    expect(full + tradesBetween(1, NOW - DAY, NOW - seconds(600), "thin").length).toBeLessThanOrEqual(40_000);
  });

  it("contains the trades of the thin history in the full one, digit for digit", () => {
    fc.assert(
      fc.property(seed, moment, (withSeed, from) => {
        const full = new Set(asText(tradesBetween(withSeed, from, from + seconds(900))));
        const thin = asText(tradesBetween(withSeed, from, from + seconds(900), "thin"));
        expect(thin.length).toBeGreaterThan(100);
        expect(thin.filter((row) => !full.has(row))).toEqual([]);
      }),
      { numRuns: runsOf(16) },
    );
  });

  it("reaches the default floor in every 5 minutes of every default pair, full or thin", () => {
    fc.assert(
      fc.property(seed, moment, density, (withSeed, at, kept) => {
        const to = floorTo(at, seconds(15));
        const rows = tradesBetween(withSeed, to - FIVE_MINUTES, to, kept);
        // A rate may be older than the window: the floor uses the last one before its end.
        const quotes = tradesBetween(withSeed, to - 2n * FIVE_MINUTES, to, kept);
        const rates = new Map([["USD", 1], ...["EUR", "GBP"].map((code) => [code, fxRate(quotes, code)] as const)]);
        for (const base of ["XLM", "BTC", "ETH"]) {
          for (const [code, rate] of rates) {
            const counted = rows.filter(
              (row) =>
                formatPair(row) === `crypto:${base}/fiat:${code}` && REGISTRY.get(row.source)?.includeInVwap === true,
            );
            expect(counted.length).toBeGreaterThanOrEqual(3);
            expect(Number(sum(counted.map((row) => row.quoteAmount))) * rate).toBeGreaterThan(10_000);
          }
        }
      }),
      { numRuns: runsOf(40) },
    );

    function fxRate(rows: readonly TradeRow[], code: string): number {
      const quotes = rows.filter(
        (row) => formatPair(row) === `fiat:${code}/fiat:USD` && fxSources(REGISTRY).includes(row.source),
      );
      const last = quotes.at(-1);
      if (last === undefined) throw new Error(`no rate of ${code}`);
      return priceOf(last);
    }
  });

  it("has exchanges, a DEX, reference rates and an aggregator, all of them in the registry", () => {
    const sources = new Set(tradesBetween(1, NOW - FIVE_MINUTES, NOW).map((row) => row.source));
    const kinds = new Set([...sources].map((name) => REGISTRY.get(name)?.subclass ?? REGISTRY.get(name)?.class));
    expect(kinds).toEqual(new Set(["cex", "dex", "fx", "aggregator"]));
  });

  it("keeps venues' prices close, except for mistyped trades", () => {
    const rows = tradesBetween(1, NOW - seconds(2 * 3600), NOW);
    const prints = rows.filter((row) => offBy(row, 1) > 1.002);
    for (const base of ["crypto:XLM", "crypto:BTC", "crypto:ETH"]) {
      const ofBase = prints.filter((row) => row.base === base);
      expect(ofBase.length).toBeGreaterThanOrEqual(10);
      expect(ofBase.length).toBeLessThanOrEqual(13);
      for (const [index, row] of ofBase.entries()) {
        expect(offBy(row, 1)).toBeGreaterThan(2.9);
        expect(offBy(row, 1)).toBeLessThan(10.1);
        expect(row.quote).toBe("fiat:USD");
        const before = ofBase[index - 1];
        if (before !== undefined) expect(row.ts - before.ts > FIVE_MINUTES).toBe(true);
      }
    }
    expect(prints.some((row) => priceOf(row) * 2 < usdPrice(1, row.base, row.ts))).toBe(true);
    expect(prints.some((row) => priceOf(row) > 2 * usdPrice(1, row.base, row.ts))).toBe(true);
  });

  it("mistypes only in markets so busy that the default outlier filter detects it in any 5 minutes", () => {
    const from = NOW - seconds(isThorough ? 3600 : 900);
    const prints = tradesBetween(1, from, NOW).filter((row) => offBy(row, 1) > 1.002);
    for (const print of prints) {
      for (const to of [print.ts + 1n, print.ts + FIVE_MINUTES]) {
        const prices = tradesBetween(1, to - FIVE_MINUTES, to)
          .filter((row) => formatPair(row) === formatPair(print) && REGISTRY.get(row.source)?.includeInVwap === true)
          .map(priceOf);
        const mean = prices.reduce((total, price) => total + price, 0) / prices.length;
        const variance = prices.reduce((total, price) => total + (price - mean) ** 2, 0) / prices.length;
        expect(Math.abs(priceOf(print) - mean)).toBeGreaterThan(4 * Math.sqrt(variance));
      }
    }
  });

  it("mistypes no block trade, so that a thin history has no outliers", () => {
    const rows = tradesBetween(1, NOW - DAY, NOW, "thin");
    expect(rows.filter((row) => offBy(row, 1) > 1.002)).toEqual([]);
  });

  it("thins a market to about half of its volume", () => {
    const volume = (kept: "full" | "thin") =>
      Number(
        sum(
          tradesBetween(1, NOW - seconds(2 * 3600), NOW, kept)
            .filter((row) => row.source === "coinbase" && formatPair(row) === "crypto:BTC/fiat:USD")
            .map((row) => row.quoteAmount),
        ),
      );
    const part = volume("thin") / volume("full");
    expect(part).toBeGreaterThan(0.3);
    expect(part).toBeLessThan(0.7);
  });

  it.each(testEngines.slice(-1))("generates rows that the database stores exactly once ($name)", async (engine) => {
    const database = await openTestDatabase(engine);
    try {
      const rows = tradesBetween(1, NOW - FIVE_MINUTES, NOW);
      expect(await writeTrades(database, rows)).toEqual({ inserted: rows.length, known: 0, conflicting: [] });
      const thin = tradesBetween(1, NOW - FIVE_MINUTES, NOW, "thin");
      expect(await writeTrades(database, thin)).toEqual({ inserted: 0, known: thin.length, conflicting: [] });
    } finally {
      await database.drop();
    }
  });
});

describe("MARKETS", () => {
  it("lists each market once, in slots that divide the blocks and the ten minutes", () => {
    expect(new Set(MARKETS.map(({ key }) => key)).size).toBe(MARKETS.length);
    for (const { slot, slotsPerBlock } of MARKETS) {
      expect(Number.isInteger(slotsPerBlock)).toBe(true);
      expect(600 % slot).toBe(0);
    }
  });
});

describe("usdPrice", () => {
  const move = (asset: string, at: Micros, span: Micros) =>
    Math.abs(usdPrice(1, parseAsset(asset), at + span) / usdPrice(1, parseAsset(asset), at) - 1);

  it("changes smoothly: a little in a second, noticeably in a day", () => {
    for (const { base } of MARKETS) {
      const moves = Array.from({ length: 100 }, (_, hour) => move(base, NOW + seconds(hour * 3600), seconds(1)));
      expect(Math.max(...moves)).toBeLessThan(0.001);
    }
    const days = Array.from({ length: 10 }, (_, day) => move("BTC", NOW + BigInt(day) * DAY, DAY / 2n));
    expect(Math.max(...days)).toBeGreaterThan(0.005);
  });

  it("keeps stablecoins near their peg, and both names of XLM at one price", () => {
    expect(usdPrice(1, parseAsset("crypto:USDT"), NOW)).toBeCloseTo(1, 2);
    expect(usdPrice(1, parseAsset("native"), NOW)).toBe(usdPrice(1, parseAsset("crypto:XLM"), NOW));
  });

  it("refuses an asset without a price path", () => {
    expect(() => usdPrice(1, parseAsset("crypto:DOGE"), NOW)).toThrow("no simulated price for crypto:DOGE");
  });
});
