import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseDecimal } from "../internal/canonical/decimal.ts";
import { formatPair, parsePair } from "../internal/canonical/pair.ts";
import { formatTime, parseTime, seconds } from "../internal/canonical/time.ts";
import type { TradeRow } from "../internal/canonical/trade.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type PolicySettings } from "../internal/policy/policy.ts";
import { computePublished } from "../internal/policy/published-value.ts";
import type { TriangulationSettings } from "../internal/policy/routes/chain.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/connection/database.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";

const FROM = parseTime("2026-04-01T12:00:00Z");
const TO = FROM + seconds(300);
const DAY = seconds(86_400);

interface Market {
  readonly pair: string;
  readonly price: string;
  /** Base volumes; the floor is 1000 USD. */
  readonly size?: string;
  readonly source?: string;
  readonly at?: bigint;
}

const chain = (target: string, ...legs: string[]): TriangulationSettings => ({
  target: parsePair(target),
  legs: legs.map(parsePair),
});

describe.each(testEngines.slice(-1))("triangulation on $name", (engine) => {
  let database: TestDatabase;
  let count = 0;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database?.drop());

  /** Gives each test its own tickers for the names in capitals; currencies are used as given. */
  function world(...markets: readonly Market[]) {
    count++;
    // Each test uses different weeks, since all share the currencies.
    const shift = DAY * 30n * BigInt(count);
    const rename = (pair: string): string => pair.replace(/\b(A|B|X|Y|Z)\b/g, `$1${count}`);
    const rows = markets.map(({ pair, price, size = "1000", source = "kraken", at }, index): TradeRow => {
      const baseAmount = parseDecimal(size);
      return {
        ...parsePair(rename(pair)),
        ts: (at ?? FROM) + shift,
        source,
        tradeId: String(index),
        baseAmount,
        quoteAmount: baseAmount.times(price),
      };
    });
    return async (
      target: string,
      { chains = [], ...settings }: Partial<PolicySettings> & { chains?: readonly TriangulationSettings[] } = {},
    ) => {
      await writeTrades(database, rows);
      const policy = makePolicy({
        ...DEFAULT_POLICY_SETTINGS,
        min_usd_volume: 1000,
        ...settings,
        triangulations: chains.map(({ target, legs }) =>
          chain(rename(formatPair(target)), ...legs.map(formatPair).map(rename)),
        ),
      });
      const bucket = { from: FROM + shift, to: TO + shift };
      const published = await withSnapshot(database, (reader) =>
        computePublished(reader, policy, parsePair(rename(target)), bucket, { maxTrades: 100 }),
      );
      const { value, own, triangulation } = published;
      return {
        value,
        own,
        triangulation,
        price: value?.price,
        path: value?.legs?.map(({ pair }) => pair.replaceAll(/(fiat|crypto):/g, "").replaceAll(String(count), "")),
        at: (moment: bigint) => formatTime(moment + shift),
      };
    };
  }

  const ecb = (pair: string, price: string, at = FROM - DAY): Market => ({ pair, price, size: "1", source: "ecb", at });

  it("drops a route far from the median of three or more routes, but not of two", async () => {
    const route = (name: string, price: string): Market[] => [
      { pair: `A/${name}`, price, size: "9000" },
      { pair: `${name}/USD`, price: "1", size: "99999" },
    ];
    const two = world(...route("X", "0.6"), ...route("Y", "6"));
    expect((await two("A/USD")).price).toBe("6");
    const three = world(...route("X", "0.6"), ...route("Y", "6"), ...route("Z", "0.62"));
    expect((await three("A/USD")).price).toBe("0.62");
    // Exactly 10 % from the median, and further.
    const near = world(...route("X", "1"), ...route("Y", "1.1"), ...route("Z", "1"));
    expect((await near("A/USD")).price).toBe("1.1");
    expect((await near("A/USD", { route_deviation_pct: 9.99 })).price).toBe("1");
  });

  it("uses a single inverted market, but not an exchange rate, as the price", async () => {
    const compute = world({ pair: "A/USD", price: "4" }, ecb("EUR/USD", "1.25"));
    expect(await compute("USD/A")).toMatchObject({ price: "0.25", value: { legs: [{ inverted: true }] } });
    expect((await compute("EUR/USD")).value).toBe(null);
    expect((await compute("USD/EUR")).value).toBe(null);
  });

  it("gives the product of the exact legs of a configured chain, with its provenance", async () => {
    const compute = world(
      { pair: "A/USD", price: "3", size: "700" },
      { pair: "A/USD", price: "2", size: "300" },
      ecb("EUR/USD", "1.3"),
    );
    const { value, at } = await compute("A/EUR", { chains: [chain("A/EUR", "A/USD", "EUR/USD")] });
    expect(value).toEqual({
      pair: `crypto:A${count}/fiat:EUR`,
      window_seconds: 300,
      from: at(FROM),
      to: at(TO),
      // The result is 2.7 / 1.3, rounded once.
      price: "2.07692307692307692",
      base_volume: "0",
      quote_volume: "0",
      usd_volume: "0",
      trade_count: 0,
      sources: [],
      dropped: { class: 0, outlier: 0 },
      policy: expect.stringMatching(/^[0-9a-f]{12}$/),
      provenance: "triangulated",
      legs: [
        {
          pair: `crypto:A${count}/fiat:USD`,
          price: "2.7",
          inverted: false,
          method: "vwap",
          usd_volume: "2700",
          trade_count: 2,
        },
        {
          pair: "fiat:USD/fiat:EUR",
          price: "0.769230769230769231",
          inverted: true,
          method: "fx",
          source: "ecb",
          as_of: at(FROM - DAY),
        },
      ],
    });
  });

  it("finds a route if no chain is configured", async () => {
    const compute = world({ pair: "A/USD", price: "3" }, ecb("EUR/USD", "1.5"), ecb("EUR/GBP", "0.8"));
    expect(await compute("A/GBP")).toMatchObject({ price: "1.6", path: ["A/USD", "USD/EUR", "EUR/GBP"] });
    expect((await compute("A/GBP", { max_hops: 2 })).value).toBe(null);
    expect((await compute("A/GBP", { triangulation_enabled: false })).value).toBe(null);
  });

  it("prefers the price of the pair's own trades once it passes the floor", async () => {
    const thin = { pair: "A/EUR", price: "9", size: "1" };
    const route = [{ pair: "A/USD", price: "3" }, ecb("EUR/USD", "1.5")];
    const below = await world(thin, ...route)("A/EUR");
    expect(below).toMatchObject({ price: "2", own: { refusal: "below-floor" } });
    const above = await world({ ...thin, size: "1000" }, ...route)("A/EUR");
    expect(above.value).toMatchObject({ price: "9", trade_count: 1 });
    expect(above.value).not.toHaveProperty("provenance");
  });

  it("prefers few hops, then the strongest weakest leg, then the name", async () => {
    const few = world(
      { pair: "A/X", price: "1", size: "1" },
      { pair: "X/EUR", price: "5", size: "1000" },
      { pair: "A/USD", price: "1", size: "99999" },
      { pair: "Y/USD", price: "1", size: "99999" },
      { pair: "Y/EUR", price: "1", size: "99999" },
      ecb("EUR/USD", "1"),
    );
    // Valued through X/EUR, A/X is worth 5 USD, below the floor; 2 hops are preferred to 3 with any volume.
    expect((await few("A/EUR")).path).toEqual(["A/USD", "USD/EUR"]);
    const strong = world(
      { pair: "A/USD", price: "3", size: "5000" },
      { pair: "USD/EUR", price: "1", size: "2000", source: "bitstamp" },
      { pair: "A/GBP", price: "3", size: "9000" },
      { pair: "GBP/EUR", price: "1", size: "9000", source: "bitstamp" },
      { pair: "GBP/USD", price: "1", size: "1", source: "ecb", at: FROM - DAY },
    );
    // Without a rate from EUR, markets are valued only through the routes.
    expect((await strong("A/EUR", { min_usd_volume_unknown: "publish" })).path).toEqual(["A/GBP", "GBP/EUR"]);
    const stronger = world(
      { pair: "A/B", price: "2", size: "9000" },
      { pair: "B/USD", price: "7", size: "999" },
      { pair: "A/X", price: "2", size: "1000" },
      { pair: "X/USD", price: "7", size: "1000" },
    );
    expect((await stronger("A/USD")).path).toEqual(["A/X", "X/USD"]);
    const even = world(
      { pair: "A/X", price: "2", size: "1000" },
      { pair: "X/USD", price: "7", size: "1000" },
      { pair: "A/B", price: "2", size: "1000" },
      { pair: "B/USD", price: "7", size: "1000" },
    );
    expect((await even("A/USD")).path).toEqual(["A/B", "B/USD"]);
  });

  it("uses only legs that are publishable in the same bucket", async () => {
    const tooThin = world({ pair: "A/USD", price: "3", size: "1" }, ecb("EUR/USD", "1.5"));
    expect((await tooThin("A/EUR")).value).toBe(null);
    const tooEarly = world({ pair: "A/USD", price: "3", at: FROM - 1n }, ecb("EUR/USD", "1.5"));
    expect((await tooEarly("A/EUR")).value).toBe(null);
    const notCounted = world({ pair: "A/USD", price: "3", source: "coingecko" }, ecb("EUR/USD", "1.5"));
    expect((await notCounted("A/EUR")).value).toBe(null);
    // A/X is valued by the price of X in the same bucket, if that is published.
    const valued = world({ pair: "A/X", price: "3" }, { pair: "X/USD", price: "2" });
    expect((await valued("A/USD")).price).toBe("6");
    const unknown = world({ pair: "A/X", price: "3" }, { pair: "X/USD", price: "2", size: "499" });
    for (const min_usd_volume_unknown of ["refuse", "publish"] as const) {
      expect((await unknown("A/USD", { min_usd_volume_unknown })).value).toBe(null);
    }
  });

  it("applies the floor to every market of a route, even if only the route gives its value", async () => {
    // One dust trade in a quote without a rate: publishable alone, but it must not bypass the floor.
    const dust = world(
      { pair: "A/USD", price: "0.4", size: "1000" },
      { pair: "A/B", price: "0.01", size: "0.0000001" },
      { pair: "B/USD", price: "60000" },
    );
    expect(await dust("A/USD", { min_usd_volume: 10_000 })).toMatchObject({
      value: null,
      own: { refusal: "below-floor" },
    });
    const inverted = world(
      { pair: "USDC/A", price: "0.001", size: "1" },
      { pair: "USDC/USD", price: "1", size: "99999" },
    );
    expect((await inverted("A/USD")).value).toBe(null);
    // The same markets with the volume that the floor requires: 1000 A at 0.01 B at 60000 USD.
    const busy = world({ pair: "A/B", price: "0.01" }, { pair: "B/USD", price: "60000" });
    expect(await busy("A/USD", { min_usd_volume: 600_000 })).toMatchObject({ price: "600" });
    expect((await busy("A/USD", { min_usd_volume: 600_001 })).value).toBe(null);
    // A market without a known value forms no route while there is a floor.
    const unknown = world({ pair: "A/B", price: "2" }, { pair: "B/X", price: "3" });
    expect((await unknown("A/X")).value).toBe(null);
    expect((await unknown("A/X", { min_usd_volume: 0 })).price).toBe("6");
  });

  it("never routes through a token that anybody can issue, unless the policy names it", async () => {
    const issuer = "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
    const compute = world(
      { pair: `A/FAKE-${issuer}`, price: "7", size: "99999" },
      { pair: `FAKE-${issuer}/USD`, price: "7", size: "99999" },
      ecb("EUR/USD", "1.1"),
    );
    expect((await compute("A/USD")).value).toBe(null);
    const { base, quote } = parsePair(`FAKE-${issuer}/EUR`);
    const known = await compute("A/USD", { pegs: new Map([[base, quote]]) });
    expect(known.price).toBe("49");
    // Any asset may be an end of the requested pair.
    const asked = world({ pair: `FAKE-${issuer}/USD`, price: "6", size: "99999" }, ecb("EUR/USD", "1.5"));
    expect((await asked(`FAKE-${issuer}/EUR`)).price).toBe("4");
  });

  describe("exchange rates", () => {
    const A = { pair: "A/USD", price: "3" };
    const chains = [chain("A/EUR", "A/USD", "USD/EUR")];

    it("are the last at or before the bucket's end, of either orientation", async () => {
      const compute = world(
        A,
        ecb("EUR/USD", "1.1", TO - seconds(7 * 86_400)),
        { ...ecb("USD/EUR", "0.5", TO), source: "massive" },
        ecb("EUR/USD", "9", TO + 1n),
      );
      expect((await compute("A/EUR", { chains })).price).toBe("1.5");
    });

    it("are the same for every window, and are not replaced by a window's average", async () => {
      const inWindow = { pair: "EUR/USD", price: "2", size: "5000", source: "massive", at: FROM + 1n };
      const last = { pair: "EUR/USD", price: "3", size: "1", source: "massive", at: FROM + 2n };
      expect((await world(A, inWindow, last)("A/EUR", { chains })).price).toBe("1");
    });

    it("fall back to the bucket's average if there is none, which is reported", async () => {
      const compute = world(A, { pair: "EUR/USD", price: "2", size: "5000", source: "kraken" });
      const { price, triangulation } = await compute("A/EUR", { chains });
      expect(price).toBe("1.5");
      expect(triangulation).toMatchObject({ outcome: "ok", legs: [{ isFallback: false }, { isFallback: true }] });
    });

    it("older than seven days are stale", async () => {
      const compute = world(A, ecb("EUR/USD", "1.5", TO - seconds(7 * 86_400) - 1n));
      const { value, triangulation } = await compute("A/EUR", { chains });
      expect(value).toBe(null);
      expect(triangulation).toEqual({ outcome: "stale_leg", leg: "fiat:USD/fiat:EUR" });
      const fresh = world(A, ecb("EUR/USD", "1.5", TO - seconds(7 * 86_400)));
      expect((await fresh("A/EUR", { chains })).price).toBe("2");
    });

    it("of other than FX sources do not count", async () => {
      const compute = world(A, { ...ecb("CHF/USD", "1.5"), source: "coingecko" });
      const francs = [chain("A/CHF", "A/USD", "USD/CHF")];
      expect((await compute("A/CHF", { chains: francs })).triangulation).toMatchObject({ outcome: "missing_leg" });
    });
  });

  it("names the leg of a chain that has no price, and searches no other route", async () => {
    const compute = world({ pair: "A/USD", price: "3" }, ecb("EUR/USD", "1.5"));
    const chains = [chain("A/EUR", "A/B", "B/EUR")];
    const { value, triangulation } = await compute("A/EUR", { chains });
    expect(value).toBe(null);
    expect(triangulation).toEqual({ outcome: "missing_leg", leg: `crypto:A${count}/crypto:B${count}` });
  });

  it("follows a chain of any length, with each leg in the direction of its market", async () => {
    const compute = world(
      { pair: "B/A", price: "2" },
      { pair: "B/X", price: "3" },
      { pair: "Y/X", price: "5" },
      { pair: "Y/Z", price: "7" },
      { pair: "Z/USD", price: "11" },
    );
    const chains = [chain("A/USD", "A/B", "X/B", "X/Y", "Z/Y", "Z/USD")];
    // The product is 1/2 · 3 · 1/5 · 7 · 11.
    expect((await compute("A/USD", { chains })).price).toBe("23.1");
  });

  it("counts pegged assets in legs as the policy does, so that a lost peg is a market like any other", async () => {
    const compute = world({ pair: "A/USDT", price: "4" }, { pair: "USDT/USD", price: "0.5", size: "9999" });
    const proxy = { enable_stablecoin_fiat_proxy: true };
    expect((await compute("A/USD")).price).toBe("2");
    // Also with the proxy: half a dollar is off the peg, unless the policy tolerates it.
    expect((await compute("A/USD", proxy)).value).toMatchObject({ price: "2", trade_count: 0, dropped: { peg: 1 } });
    const tolerated = await compute("A/USD", { ...proxy, peg_tolerance_pct: 100 });
    expect(tolerated.value).toMatchObject({ price: "4", trade_count: 1 });
    expect(tolerated.value).not.toHaveProperty("provenance");
  });
});
