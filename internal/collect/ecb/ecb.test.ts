import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runsOf } from "../../../test/thoroughness.ts";
import { formatDecimal } from "../../canonical/decimal.ts";
import { parsePair } from "../../canonical/pair.ts";
import { formatTime, type Micros, parseTime } from "../../canonical/time.ts";
import type { TradePage, VenueGet } from "../connector.ts";
import { endpointOf } from "../declare.ts";
import { VenueRefused } from "../failures.ts";
import { ecb } from "./ecb.ts";
import { ecbHistory } from "./history.ts";
import { pauseSeconds } from "./timetable.ts";

const at = parseTime;
const feed = { feed: "ecb:EUR-USD", source: "ecb", pair: parsePair("EUR/USD"), market: "USD" };

/** A file of days with a rate of the dollar, and one of the pound. */
const fileOf = (...days: [date: string, rate: string][]) =>
  `<Cube>${days.map(([date, rate]) => `<Cube time="${date}"><Cube currency="USD" rate="${rate}"/><Cube currency="GBP" rate="0.8"/></Cube>`).join("")}</Cube>`;

describe("the timetable", () => {
  it.each([
    // Friday, in summer, when the rates count from 14:00 UTC on.
    ["2026-08-07T08:00:00Z", "2026-08-06", "2026-08-07T14:00:00Z"],
    ["2026-08-07T13:30:00Z", "2026-08-06", "2026-08-07T14:01:00Z"],
    ["2026-08-07T14:03:00Z", "2026-08-06", "2026-08-07T14:08:00Z"],
    ["2026-08-07T14:08:00Z", "2026-08-07", "2026-08-07T20:08:00Z"],
    ["2026-08-07T17:00:00Z", "2026-08-06", "2026-08-07T23:00:00Z"],
    ["2026-08-08T14:30:00Z", "2026-08-07", "2026-08-08T20:30:00Z"],
    ["2026-08-09T20:30:00Z", "2026-08-07", "2026-08-10T02:30:00Z"],
    // In winter, from 15:00 UTC on.
    ["2026-11-27T14:59:00Z", "2026-11-26", "2026-11-27T15:01:00Z"],
  ])("at %s, with rates of %s, asks again at %s", (now, newest, next) => {
    const pause = pauseSeconds(fileOf([newest, "1.1"]), at(now));
    expect(formatTime(at(now) + BigInt(pause) * 1_000_000n)).toBe(next);
  });

  it("waits at least some seconds and at most six hours, whatever came", () => {
    const times = fc.bigInt({ min: at("2020-01-01T00:00:00Z"), max: at("2030-01-01T00:00:00Z") });
    fc.assert(
      fc.property(times, fc.constantFrom("<html>", fileOf(["2026-08-07", "1.1"])), (now, answer) => {
        const pause = pauseSeconds(answer, now);
        expect(pause).toBeGreaterThan(0);
        expect(pause).toBeLessThanOrEqual(6 * 3600);
      }),
      { numRuns: runsOf(400) },
    );
  });
});

/** A bank that has a file of the last days, and one of all. */
function bankOf(newest: string, all: string) {
  const asked: string[] = [];
  const get: VenueGet = async ({ pathname }) => {
    asked.push(pathname);
    return pathname.endsWith("-90d.xml") ? newest : all;
  };
  return { asked, get };
}

async function read(get: VenueGet, from: Micros, to: Micros, of = feed) {
  const pages: TradePage[] = [];
  const endpoint = { ...endpointOf(ecb, "ecb", []), rest: "https://example.org/files" };
  try {
    for await (const page of ecbHistory(get, { feed: of, endpoint, from, to })) pages.push(page);
    return { pages, error: null };
  } catch (error) {
    return { pages, error };
  }
}

const shown = ({ trades }: TradePage) =>
  trades.map(({ ts, tradeId, quoteAmount }) => [tradeId, formatTime(ts), formatDecimal(quoteAmount)]);

describe("the history of the bank's rates", () => {
  const newest = fileOf(["2026-08-07", "1.1012"], ["2026-08-06", "1.10"], ["2026-08-05", "N/A"], ["2026-08-04", "1.2"]);
  const all = fileOf(["2026-08-07", "1.1012"], ["2011-01-04", "1.3348"], ["2011-01-03", "1.3348"]);

  it("is read from the file of ninety days, up to a day after the newest", async () => {
    const { asked, get } = bankOf(newest, all);
    const { pages, error } = await read(get, at("2026-08-04T14:00:00.000001Z"), at("2026-08-08T00:00:00Z"));
    expect(error).toBeNull();
    expect(asked).toEqual(["/files/eurofxref-hist-90d.xml"]);
    expect(pages.flatMap(shown)).toEqual([
      ["2026-08-06", "2026-08-06T14:00:00Z", "1.1"],
      ["2026-08-07", "2026-08-07T14:00:00Z", "1.1012"],
    ]);
    expect(pages.map(({ complete }) => complete)).toEqual([
      { from: at("2026-08-04T14:00:00.000001Z"), to: at("2026-08-08T00:00:00Z") },
    ]);
    const late = await read(get, at("2026-08-07T00:00:00Z"), at("2026-08-10T20:00:00Z"));
    expect(late.pages.map(({ complete }) => complete?.to)).toEqual([at("2026-08-08T14:00:00Z")]);
    const later = await read(get, at("2026-08-09T00:00:00Z"), at("2026-08-10T20:00:00Z"));
    expect(later.pages).toEqual([{ trades: [], ignored: 0, unread: [], complete: null }]);
  });

  it("is read from the file of all days where the window begins earlier, and from nothing else before the euro", async () => {
    const { asked, get } = bankOf(newest, all);
    const { pages, error } = await read(get, at("1998-01-01T00:00:00Z"), at("2011-01-04T00:00:00Z"));
    expect(error).toBeNull();
    expect(asked).toEqual(["/files/eurofxref-hist-90d.xml", "/files/eurofxref-hist.xml"]);
    expect(pages.flatMap(shown)).toEqual([["2011-01-03", "2011-01-03T15:00:00Z", "1.3348"]]);
    expect(pages[0]?.complete).toEqual({ from: at("1998-01-01T00:00:00Z"), to: at("2011-01-04T00:00:00Z") });
  });

  it("comes in pages that follow each other, with every day once", async () => {
    const day = (index: number) =>
      formatTime(at("2011-01-03T00:00:00Z") + BigInt(index) * 86_400_000_000n).slice(0, 10);
    const many = fileOf(...Array.from({ length: 2500 }, (_, index): [string, string] => [day(index), "1.5"]));
    const { pages } = await read(bankOf(many, many).get, at("2011-01-01T00:00:00Z"), at("2017-01-01T00:00:00Z"));
    expect(pages.map(({ trades }) => trades.length)).toEqual([1000, 1000, 190]);
    for (const [index, { complete, trades }] of pages.entries()) {
      expect(complete?.from).toBe(pages[index - 1]?.complete?.to ?? at("2011-01-01T00:00:00Z"));
      for (const { ts } of trades) expect(ts >= (complete?.from ?? 0n) && ts < (complete?.to ?? 0n)).toBe(true);
    }
    expect(new Set(pages.flatMap(({ trades }) => trades.map(({ tradeId }) => tradeId))).size).toBe(2190);
  });

  it("keeps what is no rate, and refuses a currency that the bank does not have", async () => {
    const broken = fileOf(["2026-08-07", "1,1012"]);
    const { pages } = await read(bankOf(broken, broken).get, at("2026-08-07T00:00:00Z"), at("2026-08-08T00:00:00Z"));
    expect(pages[0]?.unread).toMatchObject([{ reason: expect.stringContaining("1,1012") }]);
    const none = { ...feed, market: "XAU" };
    const { error } = await read(bankOf(newest, all).get, at("2026-08-07T00:00:00Z"), at("2026-08-08T00:00:00Z"), none);
    expect(error).toBeInstanceOf(VenueRefused);
  });
});

describe("the daily file", () => {
  const decode = (text: string, now: string, market = "USD") =>
    ecb.live.decode(text, [{ ...feed, market }], at(now)).map((each) => each.type);

  it("gives no rate before its time, and refuses a market that it does not have", () => {
    const file = fileOf(["2026-08-07", "1.1012"]);
    expect(decode(file, "2026-08-07T13:59:59Z")).toEqual(["subscribed", "clock"]);
    expect(decode(file, "2026-08-07T14:00:00Z")).toEqual(["subscribed", "trade", "clock"]);
    expect(decode(file, "2026-08-07T14:00:00Z", "XAU")).toEqual(["refused"]);
    expect(decode(file.replace("08-07", "8-7"), "2026-08-07T14:00:00Z")).toEqual(["invalid"]);
  });

  it("is of pairs of the euro with another currency", () => {
    expect(ecb.marketOf(parsePair("EUR/USD"))).toBe("USD");
    for (const pair of ["USD/EUR", "EUR/BTC", "XLM/USD"])
      expect(() => ecb.marketOf(parsePair(pair))).toThrow("EUR/USD");
  });
});
