import { describe, expect, it } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import { formatTime, parseTime, seconds } from "../../canonical/time.ts";
import type { TradePage, VenueGet } from "../connector.ts";
import { endpointOf } from "../declare.ts";
import { HistoryGone, VenueRefused, VenueThrottled } from "../failures.ts";
import { bitstamp } from "./bitstamp.ts";
import { bitstampHistory } from "./history.ts";

const NOW = parseTime("2026-11-29T12:00:00Z");
const feed = { feed: "bitstamp:XLM-USD", source: "bitstamp", pair: parsePair("XLM/USD"), market: "xlmusd" };

const trade = (secondsAgo: number) => ({
  ...{ date: String(NOW / 1_000_000n - BigInt(secondsAgo)), tid: String(1_000_000 - secondsAgo), type: "0" },
  ...{ price: "0.38110", amount: "10.5" },
});

/** A venue whose markets had trades so many seconds ago; its lists have those of the last hour or day. */
function venueOf(markets: Readonly<Record<string, readonly number[]>>) {
  const asked: string[] = [];
  const get: VenueGet = async (url) => {
    const [, market = ""] = /^\/api\/v2\/transactions\/(\w+)\/$/.exec(url.pathname) ?? [];
    const time = url.searchParams.get("time");
    asked.push(`${market} ${time}`);
    const span = time === "hour" ? 3600 : 86_400;
    return JSON.stringify((markets[market] ?? []).filter((ago) => ago <= span).map(trade));
  };
  return { asked, get };
}

async function read(get: VenueGet, from: number, to: number): Promise<{ pages: TradePage[]; error: unknown }> {
  const pages: TradePage[] = [];
  const window = {
    feed,
    endpoint: endpointOf(bitstamp, "bitstamp", []),
    from: NOW - seconds(from),
    to: NOW - seconds(to),
  };
  try {
    for await (const page of bitstampHistory(get, window)) pages.push(page);
    return { pages, error: null };
  } catch (error) {
    return { pages, error };
  }
}

const span = ({ complete }: TradePage) =>
  complete === null ? null : [complete.from, complete.to].map((time) => (NOW - time) / seconds(1));

describe("the history of Bitstamp", () => {
  it("is read from the list of the last hour where that has an older trade", async () => {
    const { asked, get } = venueOf({ xlmusd: [10, 400, 3000] });
    const { pages, error } = await read(get, 600, 60);
    expect(error).toBeNull();
    expect(asked).toEqual(["xlmusd hour"]);
    expect(pages.map(span)).toEqual([[600n, 60n]]);
    expect(pages[0]?.trades.map(({ ts, tradeId }) => [formatTime(ts), tradeId])).toContainEqual([
      "2026-11-29T11:53:20Z",
      "999600",
    ]);
  });

  it("is read from that of the last day, or a quiet market's by what the busiest one shows", async () => {
    const old = venueOf({ xlmusd: [10, 400, 80_000] });
    expect((await read(old.get, 7200, 3600)).pages.map(span)).toEqual([[7200n, 3600n]]);
    expect(old.asked).toEqual(["xlmusd hour", "xlmusd day"]);
    const quiet = venueOf({ xlmusd: [], btcusd: [1, 86_390, 90_000] });
    expect((await read(quiet.get, 7200, 3600)).pages.map(span)).toEqual([[7200n, 3600n]]);
    expect(quiet.asked).toEqual(["xlmusd hour", "xlmusd day", "btcusd day"]);
  });

  it("covers what the last day has, and says that the rest is gone", async () => {
    const { get } = venueOf({ xlmusd: [10, 400], btcusd: [1, 86_000] });
    const partly = await read(get, 90_000, 80_000);
    expect(partly.pages.map(span)).toEqual([[85_999n, 80_000n]]);
    expect(partly.error).toBeInstanceOf(HistoryGone);
    const wholly = await read(get, 190_000, 180_000);
    expect(wholly.pages.map(span)).toEqual([null]);
    expect(String(wholly.error)).toContain("lists the last day only, and that begins at 2026-11-28T12:06:41Z");
  });

  it("waits where Bitstamp says by status 400 that there were too many requests", async () => {
    const limited: VenueGet = async () => {
      throw new VenueRefused('HTTP 400: {"response_code":"400.002","response_explanation":"exceeded rate limit"}');
    };
    expect((await read(limited, 600, 60)).error).toBeInstanceOf(VenueThrottled);
    const refused: VenueGet = async () => {
      throw new VenueRefused("HTTP 404");
    };
    expect((await read(refused, 600, 60)).error).toBeInstanceOf(VenueRefused);
  });
});
