import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { parsePair } from "../../canonical/pair.ts";
import { parseTime, seconds } from "../../canonical/time.ts";
import {
  openTestDatabase,
  type TestDatabase,
  type TestEngine,
  testEngines,
} from "../../storage/connection/database.testing.ts";
import { cover } from "../../storage/control/coverage.ts";
import { declareFeed } from "../../storage/control/feeds.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { openTestApi } from "./api.testing.ts";

const START = "2026-03-01T10:00:00Z";
const at = (minute: number) => parseTime(START) + seconds(60 * minute);
const XLM = parsePair("XLM/USD");

describe("what is complete", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(enginesOf(testEngines)[0] as TestEngine);
    await writeTrades(database, [trade(XLM, "2026-03-01T10:30:00Z"), trade(XLM, "2026-03-01T10:58:00Z")]);
  });
  afterAll(() => database?.drop());

  const declare = (feed: string, source: string) =>
    declareFeed(database.sql, "default", {
      ...{ feed, source, host: "", kind: "collect.history", chunkSeconds: 60, startAt: at(0) },
      payload: { pair: "crypto:XLM/fiat:USD" },
    });

  it("is not asked of markets without feeds; a gap of a source that counts marks the answers about its time", async () => {
    const api = openTestApi({ database });
    api.at(at(60) + seconds(40));
    const flags = async (query: string) => (await api.get(`${query}&pair=XLM/USD`)).body.flags;
    expect(await flags("/v1/vwap?window=1h")).not.toHaveProperty("incomplete");

    await declare("kraken:XLM-USD", "kraken");
    await cover(database.sql, "default", "kraken:XLM-USD", [
      { from: at(0), to: at(20) },
      { from: at(30), to: at(61) },
    ]);
    // What does not count is not missing.
    await declare("coingecko:XLM-USD", "coingecko");
    api.at(at(60) + seconds(50));
    await api.get("/v1/coverage?pair=XLM/USD");
    const range = (from: number, to: number) =>
      `from=${new Date(Number(at(from) / 1000n)).toISOString()}&to=${new Date(Number(at(to) / 1000n)).toISOString()}`;
    // The first answer after five seconds is of what was known; the query that it starts is for the next.
    await expect.poll(() => flags(`/v1/vwap?${range(15, 45)}`)).toMatchObject({ incomplete: true });
    expect(await flags(`/v1/vwap?${range(30, 60)}`)).not.toHaveProperty("incomplete");
    expect(await flags(`/v1/twap?${range(15, 45)}`)).toMatchObject({ incomplete: true });
    expect(await flags("/v1/vwap?window=1h&at=2026-03-01T11:00:00Z")).toMatchObject({ incomplete: true });
    expect(await flags("/v1/twap?window=30m&at=2026-03-01T11:00:00Z")).not.toHaveProperty("incomplete");
    expect(await flags("/v1/price?")).not.toHaveProperty("incomplete");
    // Of candles, those of the page count, also where they are left out because they are empty.
    const candles = (query: string, from: number, to: number) =>
      flags(`/v1/ohlc?interval=1m&${query}&${range(from, to)}`);
    expect(await candles("", 15, 45)).toMatchObject({ incomplete: true });
    expect(await candles("filter=none", 20, 25)).toMatchObject({ incomplete: true });
    expect(await candles("", 30, 60)).not.toHaveProperty("incomplete");
    expect(await candles("limit=1", 30, 90)).not.toHaveProperty("incomplete");

    const { body } = await api.get(`/v1/coverage?pair=XLM/USD&${range(10, 40)}`);
    expect(body.data.feeds.map((feed: { feed: string }) => feed.feed)).toEqual(["coingecko:XLM-USD", "kraken:XLM-USD"]);
    expect(body.data.feeds[1]).toMatchObject({
      include_in_vwap: true,
      complete_to: "2026-03-01T11:01:00Z",
      intervals: [
        { from: "2026-03-01T10:10:00Z", to: "2026-03-01T10:20:00Z" },
        { from: "2026-03-01T10:30:00Z", to: "2026-03-01T10:40:00Z" },
      ],
      gaps: [{ from: "2026-03-01T10:20:00Z", to: "2026-03-01T10:30:00Z" }],
    });
    expect((await api.get("/v1/coverage?pair=XLM/USD&from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z")).status).toBe(
      400,
    );
  });
});
