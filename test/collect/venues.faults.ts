import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { startBinance } from "../venues/binance.ts";
import { startBitstamp } from "../venues/bitstamp.ts";
import { startCoinbase } from "../venues/coinbase.ts";
import { ISSUER, startHorizon } from "../venues/horizon.ts";
import { startKraken } from "../venues/kraken.ts";
import type { StandIn } from "../venues/server.ts";
import { MARKET, POOL, startStellarRpc } from "../venues/stellar-rpc.ts";
import { collecting, PATIENCE } from "./harness.ts";

interface Venue {
  readonly name: string;
  readonly start: () => Promise<StandIn>;
  readonly market: string;
  readonly pair: string;
  readonly feed: string;
  /** What the feed's configuration calls the market. */
  readonly named?: string;
  /** Where trades are not numbered, nothing shows one that was never told on a connection that lasted. */
  readonly isNumbered?: false;
}

const VENUES: readonly Venue[] = [
  { name: "kraken", start: startKraken, market: "XLM/USD", pair: "XLM/USD", feed: "kraken:XLM-USD" },
  { name: "coinbase", start: startCoinbase, market: "XLM-USD", pair: "XLM/USD", feed: "coinbase:XLM-USD" },
  { name: "binance", start: startBinance, market: "XLMUSDT", pair: "XLM/USDT", feed: "binance:XLM-USDT" },
  {
    ...{ name: "bitstamp", start: startBitstamp, market: "xlmusd", pair: "XLM/USD", feed: "bitstamp:XLM-USD" },
    isNumbered: false,
  },
  {
    ...{ name: "horizon", start: startHorizon, market: `native/USDC-${ISSUER}`, pair: `native/USDC-${ISSUER}` },
    feed: `sdex:XLM-USDC.${ISSUER.slice(0, 12)}`,
  },
  {
    ...{ name: "phoenix", start: () => startStellarRpc("phoenix"), market: MARKET, pair: MARKET, named: POOL },
    feed: `phoenix:XLM-USDC.${ISSUER.slice(0, 12)}`,
  },
];

describe.each(VENUES)("$name", ({ start, market, pair, feed, named, isNumbered = true }) => {
  it("is collected without a hole through every fault, and by whoever takes over", async () => {
    const venue = await start();
    onTestFinished(venue.close);
    const { faults } = venue.markets;
    // What happened before anybody listened is fetched.
    for (let ago = 60; ago > 0; ago -= 2) venue.markets.happen(market, ago);
    const began = new Date(Date.now() - 90_000).toISOString();
    const { work, complete, stored, database } = await collecting(
      [venue],
      [{ source: venue.source, pair, start: began, ...(named !== undefined && { market: named }) }],
    );
    const stop = work("first");
    const count = () => venue.markets.all().length;
    const connected = () => vi.waitUntil(() => venue.connections() > 0, PATIENCE);
    await connected();
    venue.trade(market, 5);
    await complete(venue, feed, count());

    for (const fault of ["duplicates", "outOfOrder", "exponents"] as const) {
      faults[fault] = true;
      venue.trade(market, 4);
      faults[fault] = false;
    }
    venue.trade(market, 2);
    await complete(venue, feed, count());

    // Trades that are never told live.
    if (isNumbered) {
      faults.hole = true;
      venue.trade(market, 3);
      faults.hole = false;
      venue.trade(market, 2);
      await complete(venue, feed, count());
    }

    // Cut, also within a frame, with trades in between.
    for (const isInFrame of [false, true]) {
      venue.cut(isInFrame);
      await sleep(50);
      venue.trade(market, 3);
      await connected();
      venue.trade(market, 1);
      await complete(venue, feed, count());
    }

    // A message that nobody knows, and a request that is refused.
    venue.say('{"type":"surprise","channel":"surprise","e":"surprise"}');
    faults.throttled = 2;
    venue.cut();
    venue.trade(market, 2);
    await connected();
    await complete(venue, feed, count());
    expect(await database.sql`SELECT DISTINCT source FROM control.unread_messages`).toEqual([{ source: venue.source }]);

    // The next worker takes over.
    await stop();
    venue.trade(market, 3);
    work("second");
    await connected();
    venue.trade(market, 2);
    await complete(venue, feed, count());
    const ids = (await stored(venue.source)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  }, 240_000);
});
